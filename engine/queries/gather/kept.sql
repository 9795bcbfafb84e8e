-- Events that belong together and are not enough yet, the oldest first.
-- Index  gathering_pkey.
-- Locks  none: whoever changes them compares the schedule's position.
select first_pos, taken
from gathering
where tenant = $1 and schedule = $2
order by first_pos;
