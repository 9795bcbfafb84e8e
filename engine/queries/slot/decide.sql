-- Writes what became of a slot; one that waits, or is let through for later ($8), stays planned, with the reason.
-- Index  slot_pkey.
-- Locks  the slot, after its schedule.
update slot
set state = $4, reason = $5, batch = $6, job = $7, not_before = coalesce($8, not_before),
    decided_at = case when $4 = 'planned' then null else now() end
where tenant = $1 and schedule = $2 and at = $3 and (state = 'planned' or $4 = 'manual');
