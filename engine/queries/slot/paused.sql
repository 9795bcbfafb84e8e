-- The slots of a schedule that were skipped for its pause, from $3 on.
-- Index  slot_pkey (tenant, schedule, at).
-- Locks  none: the schedule's lock guards them.
select at, fire_at
from slot
where tenant = $1 and schedule = $2 and at >= $3 and state = 'skipped' and reason = 'paused'
order by at;
