-- Asks for slots of the past that did not run; with what the ledger said of each before, null of those without a row.
-- Index  slot_pkey (tenant, schedule, at).
-- Locks  the slots, after their schedule.
-- Gives  one affected row a slot.
update slot
set state = 'planned', reason = $5, asked_by = $6, decided_at = null, was = wanted.was
from unnest($3::timestamptz[], $4::text[]) as wanted(at, was)
where slot.tenant = $1 and slot.schedule = $2 and slot.at = wanted.at and slot.batch is null and slot.job is null;
