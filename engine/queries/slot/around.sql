-- The rows of a schedule between two instants: which nominal times have theirs? One that stands for many slots is among
-- them where it reaches into that time.
-- Index  slot_pkey (tenant, schedule, at); slot_until (tenant, schedule, until).
-- Locks  none: the schedule's lock guards them.
-- Gives  them in order; no two of them overlap.
select at as "at!", coalesce(until, at) as "until!", state as "state!", reason, covers as "covers!", n
from (
    select at, until, state, reason, covers, n from slot
    where tenant = $1 and schedule = $2 and at >= $3 and at < $4
    union all
    select at, until, state, reason, covers, n from slot
    where tenant = $1 and schedule = $2 and until >= $3 and at < $3
) found
order by at;
