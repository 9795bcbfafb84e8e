-- Slots of a schedule that are due and not decided, oldest first.
-- Index  slot_pkey (tenant, schedule, at).
-- Locks  none: the schedule's lock guards them.
select at, fire_at, reason, not_before, asked_by
from slot
where tenant = $1 and schedule = $2 and state = 'planned' and fire_at <= $3
order by at;
