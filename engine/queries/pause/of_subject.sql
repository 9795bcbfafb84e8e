-- The pause of one subject, if it lasts.
-- Index  pause_identity.
-- Locks  none.
-- Gives  one row or none.
select pause.id, scope, subject, pause.mode, who, why, pause.since, until
from pause cross join cluster
where tenant = $1 and scope = $2 and subject = $3 and (until is null or until > now() + clock_offset);
