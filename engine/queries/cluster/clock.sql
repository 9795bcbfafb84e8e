-- What time is it for schedules and timers?
-- Index  none: one row.
-- Locks  none.
select mode, now() + clock_offset as "now!", round(extract(epoch from clock_offset))::int8 as "offset_seconds!"
from cluster;
