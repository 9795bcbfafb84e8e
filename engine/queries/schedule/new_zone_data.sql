-- Notes the zone data that the planned slots of a schedule are of now.
-- Index  schedule_pkey.
-- Locks  the schedule's row, held already.
-- Gives  one affected row.
update schedule set zone_data = $3 where tenant = $1 and name = $2;
