-- Lets slots run that were skipped for a pause, each not before its instant. Those that stood in a row with many others have
-- just been given one.
-- Index  slot_pkey (tenant, schedule, at).
-- Locks  the slots, after their schedule.
-- Gives  one affected row a slot.
update slot
set state = 'planned', reason = $5, not_before = late.not_before, decided_at = null
from unnest($3::timestamptz[], $4::timestamptz[]) as late(at, not_before)
where slot.tenant = $1 and slot.schedule = $2 and slot.at = late.at and slot.state in ('planned', 'skipped');
