-- A page of the contexts about one subject, without their documents.
-- Index  context_subject.
-- Locks  none.
-- Gives  up to $4 rows after the key $3.
select key, version, subject, expires_at, octet_length(document) as "bytes!", created_at, updated_at
from context
where tenant = $1 and subject = $2 and key > $3 and coalesce(expires_at > now(), true)
order by key
limit $4;
