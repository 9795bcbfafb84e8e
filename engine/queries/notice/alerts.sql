-- Slots of which people were told since $2 that their work is behind.
-- Index  slot_not_started, slot_not_finished.
-- Locks  none.
-- Gives  up to 50 rows, the latest first.
with behind as (
    (select tenant, schedule, at, 'not_started' as what, not_started_at as since from slot
     where tenant = $1 and not_started_at >= $2::timestamptz order by not_started_at desc limit 50)
    union all
    (select tenant, schedule, at, 'not_finished', not_finished_at from slot
     where tenant = $1 and not_finished_at >= $2::timestamptz order by not_finished_at desc limit 50)
)
select behind.schedule as "schedule!", behind.at as "at!", behind.what as "what!", behind.since as "since!",
       slot.state as "state!", slot.reason, slot.batch
from behind join slot using (tenant, schedule, at)
order by behind.since desc
limit 50;
