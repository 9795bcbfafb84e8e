-- Cancelled batches whose open jobs were not all asked to end yet.
-- Index  batch_cancelling: few, and seldom any.
-- Locks  none.
-- Gives  up to 100 rows.
select id, tenant, cancel_cursor, cancelled_by as "cancelled_by!", cancelled_why as "cancelled_why!"
from batch
where cancelling_at is not null and finished_at is null and cancel_cursor < 9223372036854775807
order by id
limit 100;
