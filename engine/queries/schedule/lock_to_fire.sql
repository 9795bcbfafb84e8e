-- Takes the right to fire a schedule; nothing when another keeper has it.
-- Index  schedule_pkey.
-- Locks  the schedule, skip locked.
select planned_until, revision, zone_data, after_seconds is not null as "is_after!"
from schedule
where tenant = $1 and name = $2 and enabled
for update skip locked;
