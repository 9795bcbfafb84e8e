-- Which jobs already bear these idempotency keys?
-- Index  request_key_pkey.
-- Locks  none.
select key, hash, job
from request_key
where tenant = $1 and scope = 'tenant' and key = any($2);
