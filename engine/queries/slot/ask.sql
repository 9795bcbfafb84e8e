-- Asks for slots of the past that did not run; those in $6 had no row before.
-- Index  slot_pkey (tenant, schedule, at).
-- Locks  the slots, after their schedule.
-- Gives  one affected row a slot.
update slot
set state = 'planned', reason = $4, asked_by = $5, decided_at = null,
    was = case when at = any($6::timestamptz[]) then null else state || ': ' || coalesce(reason, '') end
where tenant = $1 and schedule = $2 and at = any($3::timestamptz[]) and batch is null and job is null;
