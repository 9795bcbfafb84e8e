-- What became of a slot so far?
-- Index  slot_pkey.
-- Locks  none: the schedule's lock guards it.
select state, batch, job
from slot
where tenant = $1 and schedule = $2 and at = $3;
