-- Takes back the planned slots after $3: the timing was edited. Due ones stay.
-- Index  slot_pkey (tenant, schedule, at).
-- Locks  the slots, after their schedule.
-- Gives  the instants taken back.
delete from slot
where tenant = $1 and schedule = $2 and state = 'planned' and at > $3
returning at;
