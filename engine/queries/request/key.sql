-- Which jobs already bear these idempotency keys?
-- Index  request_key_pkey.
-- Locks  none.
select scope, key, hash, job
from request_key
where tenant = $1 and (scope, key) in (select * from unnest($2::text[], $3::text[]));
