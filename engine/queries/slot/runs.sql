-- Rows of a schedule that stand for many slots, some of them from $3 to $4.
-- Index  slot_until (tenant, schedule, until).
-- Locks  none: the schedule's lock guards them.
-- Gives  them in order; no two of them overlap.
select at, until as "until!", n as "n!", state, reason
from slot
where tenant = $1 and schedule = $2 and until >= $3 and at <= $4
order by until;
