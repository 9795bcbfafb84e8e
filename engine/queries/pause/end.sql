-- Ends a pause of many jobs now, unless it is over already; its row stays for a day, for the slots that fell into it.
-- Index  pause_pkey.
-- Locks  the row.
update pause set until = now() + clock_offset
from cluster
where pause.id = $1 and job is null and (until is null or until > now() + clock_offset);
