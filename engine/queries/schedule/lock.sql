-- Locks a schedule before its rule or its slots change.
-- Index  schedule_pkey.
-- Locks  the schedule's row for update: firing takes it first too.
-- Gives  one row or none.
select rule, zone_data, planned_until, enabled, event_pos
from schedule
where tenant = $1 and name = $2
for update;
