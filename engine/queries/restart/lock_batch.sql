-- Locks a batch for its restart.
-- Index  batch_tenant (tenant, id).
-- Locks  the batch.
-- Gives  one row or none.
select state, sealed, cancelling_at is not null as "is_cancelling!",
       coalesce(tripped = 'fail' and finished_at is null, false) as "is_failing!"
from batch
where id = $2 and tenant = $1
for update;
