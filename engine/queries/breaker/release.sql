-- Ends the pause of a breaker; its row stays for a day.
-- Index  pause_identity.
-- Locks  the row, under the breaker's.
update pause set until = now() + clock_offset
from cluster
where tenant = $1 and scope = 'breaker' and subject = $2 and (until is null or until > now() + clock_offset);
