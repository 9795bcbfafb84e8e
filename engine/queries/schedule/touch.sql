-- Notes how far ahead the slots of a schedule are planned.
-- Index  schedule_pkey.
-- Locks  the schedule's row, held already.
-- Gives  one affected row.
update schedule set planned_until = greatest(planned_until, $3) where tenant = $1 and name = $2;
