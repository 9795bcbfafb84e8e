-- Ends the firing of a schedule whose job configuration, or template, lost its rule; past slots stay.
-- Index  schedule_pkey.
-- Locks  the schedule's row, held already.
-- Gives  one affected row.
update schedule set enabled = false, revision = $3 where tenant = $1 and name = $2;
