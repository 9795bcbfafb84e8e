-- What was added to a batch of this tenant under this key?
-- Index  addition_pkey; batch_pkey.
-- Locks  none.
-- Gives  one row or none.
select hash, addition.members, addition.jobs, addition.chunks, addition.left_out, addition.plan_hash
from addition
join batch on batch.id = addition.batch and batch.tenant = $3
where addition.batch = $1 and addition.idempotency_key = $2;
