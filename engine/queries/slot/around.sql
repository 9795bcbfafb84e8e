-- The slots of a schedule between two instants: which nominal times have their row?
-- Index  slot_pkey (tenant, schedule, at).
-- Locks  none: the schedule's lock guards them.
select at, state, reason, covers
from slot
where tenant = $1 and schedule = $2 and at >= $3 and at < $4
order by at;
