-- One slot of a schedule.
-- Index  slot_pkey.
-- Locks  none.
-- Gives  one row or none.
select schedule, at, fire_at, state, reason, batch, job, decided_at, revision, covers, note
from slot
where tenant = $1 and schedule = $2 and at = $3;
