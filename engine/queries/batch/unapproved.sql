-- Batches whose plans nobody approved in time.
-- Index  batch_asking.
-- Locks  none: each is cancelled under its own.
-- Gives  up to 100 rows.
select batch.id, batch.tenant
from batch
cross join cluster
where batch.asking and batch.ask_until < now() + cluster.clock_offset
order by batch.ask_until
limit 100;
