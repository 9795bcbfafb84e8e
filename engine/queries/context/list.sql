-- A page of contexts, without their documents.
-- Index  context_pkey.
-- Locks  none.
-- Gives  up to $3 rows after the key $2.
select key, version, subject, expires_at, octet_length(document) as "bytes!", created_at, updated_at
from context
where tenant = $1 and key > $2 and coalesce(expires_at > now(), true)
order by key
limit $3;
