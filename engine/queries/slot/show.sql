-- One slot of a schedule, or the row that stands for it and many others.
-- Index  slot_pkey, read backwards.
-- Locks  none.
-- Gives  one row or none.
select schedule, at, fire_at, state, reason, batch, job, decided_at, revision, covers, note, not_started_at, not_finished_at,
       until, n
from (
    select * from slot
    where tenant = $1 and schedule = $2 and at <= $3
    order by at desc
    limit 1
) latest
where coalesce(until, at) >= $3;
