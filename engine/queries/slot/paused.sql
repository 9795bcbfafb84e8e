-- The slots of a schedule that were skipped for its pause, from $3 on. A row that stands for many of them is given as it is.
-- Index  slot_pkey (tenant, schedule, at); slot_until (tenant, schedule, until).
-- Locks  none: the schedule's lock guards them.
select at as "at!", fire_at as "fire_at!", until
from (
    select at, fire_at, until from slot
    where tenant = $1 and schedule = $2 and at >= $3 and state = 'skipped' and reason = 'paused'
    union all
    select at, fire_at, until from slot
    where tenant = $1 and schedule = $2 and until >= $3 and at < $3 and state = 'skipped' and reason = 'paused'
) found
order by at;
