-- Locks the schedules that a calendar has a say in, before their slots are planned anew.
-- Index  schedule_pkey (tenant, name): schedules are few.
-- Locks  the schedules for update, by name.
-- Gives  one row each.
select name, revision, rule
from schedule
where tenant = $1 and calendar = $2 and enabled
order by name
for update;
