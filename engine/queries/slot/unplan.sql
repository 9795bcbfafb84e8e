-- Takes back what was planned after $3, and what was left out: the timing or its calendar was edited. What is due stays.
-- Index  slot_pkey (tenant, schedule, at).
-- Locks  the slots, after their schedule.
-- Gives  the instants taken back.
delete from slot
where tenant = $1 and schedule = $2 and state in ('planned', 'skipped') and at > $3
returning at;
