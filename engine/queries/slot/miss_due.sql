-- Marks the due slots of a schedule missed whose recipe cannot be followed.
-- Index  slot_pkey (tenant, schedule, at).
-- Locks  the slots.
update slot
set state = 'missed', reason = $4, decided_at = now()
where tenant = $1 and schedule = $2 and state = 'planned' and fire_at <= $3;
