-- Moves a schedule's position past events that were looked at, unless somebody else did, or another version came.
-- Index  schedule_pkey.
-- Locks  the schedule's row.
-- Gives  one affected row, or none.
update schedule
set event_pos = $5, lost = lost + $6
where tenant = $1 and name = $2 and template_version = $3 and event_pos = $4 and enabled;
