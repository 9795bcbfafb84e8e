-- Takes back what was planned after $3, and what was left out: the timing, its calendar or the zone data changed. What is
-- due stays.
-- Index  slot_pkey (tenant, schedule, at).
-- Locks  the slots, after their schedule.
-- Gives  the instants taken back, with the nominal times of those that were to run.
delete from slot
where tenant = $1 and schedule = $2 and state in ('planned', 'skipped') and at > $3
returning at, case when state = 'planned' then covers else '[]' end as "covers!";
