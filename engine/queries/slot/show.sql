-- One slot of a schedule.
-- Index  slot_pkey.
-- Locks  none.
-- Gives  one row or none.
select schedule, at, fire_at, state, reason, batch, job, decided_at, revision, covers, note, not_started_at, not_finished_at
from slot
where tenant = $1 and schedule = $2 and at = $3;
