-- What an addition must know of its batch.
-- Index  batch_tenant (tenant, id).
-- Locks  none: it is looked at again under the lock.
-- Gives  one row or none.
select id, tenant, lane, template_version, priority, document, purpose, purpose_input, slot_at, slot_previous,
       created_at, timeout, retry_revision, state, sealed, asking, opened, closed_at is not null as "closed!",
       cancelling_at is not null as "cancelling!", finished_at is not null or coalesce(tripped = 'fail', false) as "finished!"
from batch
where tenant = $1 and id = $2;
