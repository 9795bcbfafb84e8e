-- Open batches of a configuration that nobody has cancelled yet.
-- Index  batch_configuration (tenant, configuration, id).
-- Locks  none.
-- Gives  up to 100 rows, oldest first.
select id
from batch
where tenant = $1 and configuration = $2 and finished_at is null and cancelling_at is null
order by id
limit 100;
