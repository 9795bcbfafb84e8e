-- Takes the right to fire a schedule; nothing when another keeper has it.
-- Index  schedule_pkey.
-- Locks  the schedule, skip locked.
select planned_until, revision, zone_data
from schedule
where tenant = $1 and name = $2 and enabled
for update skip locked;
