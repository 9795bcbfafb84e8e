-- Counts events of a schedule that came to nothing because a limit was full.
-- Index  schedule_pkey.
-- Locks  the schedule's row, held already.
update schedule set lost = lost + $3 where tenant = $1 and name = $2;
