-- What became of a slot so far? A row that stands for many of them is none of its own.
-- Index  slot_pkey.
-- Locks  none: the schedule's lock guards it.
select state, batch, job
from slot
where tenant = $1 and schedule = $2 and at = $3 and until is null;
