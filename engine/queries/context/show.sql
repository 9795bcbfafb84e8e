-- One context as it is.
-- Index  context_pkey.
-- Locks  none.
-- Gives  nothing where there is none, or its time is over.
select key, version, document, subject, expires_at, created_at, updated_at
from context
where tenant = $1 and key = $2 and coalesce(expires_at > now(), true);
