-- Batches with planned jobs that are to be released; one that asks is not.
-- Index  batch_open (state, id).
-- Locks  none.
-- Gives  up to 100 rows after the batch $1.
select id
from batch
where state in ('planned', 'releasing') and finished_at is null and not asking and id > $1
order by id
limit 100;
