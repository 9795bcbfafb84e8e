-- Which batch did this idempotency key make?
-- Index  batch_tenant_key.
-- Locks  none.
select id, document, source_hash, opened
from batch
where tenant = $1 and idempotency_key = $2;
