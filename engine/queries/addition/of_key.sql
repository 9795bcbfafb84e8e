-- What was added to a batch under this key?
-- Index  addition_pkey.
-- Locks  none.
-- Gives  one row or none.
select hash, members, jobs, chunks, left_out, plan_hash from addition where batch = $1 and idempotency_key = $2;
