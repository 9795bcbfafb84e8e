-- Puts the equal verdicts that end with the row at $3 or before into one row, once they are more than $5: the row of the
-- first stands for all of them. Looks back over $4 rows. What somebody asked for, or is told of or still to be told of,
-- keeps its row, and what another revision planned begins another one.
-- Index  slot_pkey (tenant, schedule, at), read backwards.
-- Locks  the slots, after their schedule.
-- Gives  for how many slots the row stands; nothing where it stays as it is.
with recent as materialized (
    select at, coalesce(until, at) as until, coalesce(n, 1) as n, covers, state, reason, revision,
           state in ('skipped', 'missed') and asked_by is null and was is null
               and not_started_at is null and not_finished_at is null
               and (start_by is null and finish_by is null or state = 'skipped' or reason = 'superseded') as is_plain
    from slot
    where tenant = $1 and schedule = $2 and at <= $3
    order by at desc
    limit $4
),
latest as materialized (
    select * from recent order by at desc limit 1
),
other as materialized (
    select coalesce(max(recent.at), '-infinity') as at
    from recent cross join latest
    where not recent.is_plain
       or (recent.state, recent.reason, recent.revision) is distinct from (latest.state, latest.reason, latest.revision)
),
run as materialized (
    select min(at) as at, max(until) as until, sum(n)::int8 as n,
           jsonb_build_array((array_agg(covers::jsonb -> 0 order by at))[1],
                             (array_agg(covers::jsonb -> -1 order by at desc))[1])::text as covers
    from recent
    where at > (select at from other)
    having sum(n) > $5::int8 and count(*) > 1
),
gone as (
    delete from slot using run
    where slot.tenant = $1 and slot.schedule = $2 and slot.at > run.at and slot.at <= $3
)
update slot
set until = run.until, n = run.n, covers = run.covers, decided_at = now(), start_by = null, finish_by = null
from run
where slot.tenant = $1 and slot.schedule = $2 and slot.at = run.at
returning slot.n as "n!";
