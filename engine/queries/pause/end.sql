-- Ends a pause of many jobs now, unless it is over already; its row stays for a day, for the slots that fell into it.
-- Of two who end it at once the one that began first may come second: what is over is judged by the hour of the look.
-- Index  pause_pkey.
-- Locks  the row.
update pause set until = now() + clock_offset
from cluster
where pause.id = $1 and job is null and (until is null or until > clock_timestamp() + clock_offset);
