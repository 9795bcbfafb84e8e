-- A page of the pauses that last.
-- Index  pause_pkey; pauses are few.
-- Locks  none.
-- Gives  up to $3 rows after the pause $2.
select pause.id, scope, subject, pause.mode, who, why, pause.since, until
from pause cross join cluster
where tenant = $1 and id > $2 and (until is null or until > now() + clock_offset)
order by id
limit $3;
