-- Locks a batch for an addition, or to close it.
-- Index  batch_tenant (tenant, id).
-- Locks  the batch.
-- Gives  one row or none.
select state, sealed, asking, opened, closed_at is not null as "closed!",
       cancelling_at is not null as "cancelling!", finished_at is not null or coalesce(tripped = 'fail', false) as "finished!", members,
       coalesce(plan_hash, '') as "plan_hash!", coalesce(selection_hash, '') as "selection_hash!"
from batch
where tenant = $1 and id = $2
for update;
