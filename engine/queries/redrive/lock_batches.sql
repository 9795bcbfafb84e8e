-- Locks the batches whose jobs come back: what they expect is raised before the jobs move. A cancelled or failed one
-- gets none back, and may have become so since its jobs were looked for.
-- Index  batch_pkey.
-- Locks  the batches in order of id.
-- Gives  a row a batch; whether its jobs may go on.
select id, state not in ('cancelled', 'failed') and cancelling_at is null as "goes_on!"
from batch
where id = any ($1)
order by id
for update;
