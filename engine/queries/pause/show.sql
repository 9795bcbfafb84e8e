-- One pause that lasts.
-- Index  pause_pkey.
-- Locks  none.
-- Gives  one row or none.
select pause.id, scope, subject, pause.mode, who, why, pause.since, until
from pause cross join cluster
where tenant = $1 and id = $2 and (until is null or until > now() + clock_offset);
