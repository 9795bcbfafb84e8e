-- Gives back leases of a living worker that it does not know: their claim's answer was lost on the way.
-- Jobs that somebody stopped meanwhile are held for their end.
-- Index  lease_worker; limit_use_pkey.
-- Locks  the leases in (claim, n) order, skip locked: one under a flush is known;
--        then the counters of their limits in key order.
with unlisted as materialized (
    select claim, n
    from lease
    where worker = $1 and claim <> all ($2) and claimed_at < now() - make_interval(secs => $3)
    order by claim, n
    for update skip locked
),
cut as (
    delete from lease using unlisted
    where lease.claim = unlisted.claim and lease.n = unlisted.n
    returning lease.*
),
freed as materialized (
    select key, sum((upper(range) - lower(range)) * coalesce(cost, 1))::int4 as n
    from cut
    join lane on lane.id = cut.lane
    cross join lateral unnest(cut.jobs) as range
    cross join lateral unnest(lane.limits, lane.costs) as part (key, cost)
    group by key
),
counter as materialized (
    select key, used
    from limit_use
    where key = any (array(select key from freed))
    order by key
    for update
),
counted as (
    update limit_use
    set used = counter.used - freed.n
    from counter
    join freed on freed.key = counter.key
    where limit_use.key = any (array(select key from freed)) and limit_use.key = counter.key
),
lost as materialized (
    select cut.claim, cut.n, cut.lane, cut.eff, cut.priority, cut.attempt, cut.losses, cut.stop @> id as stopped,
           cut.journaled or coalesce((select true from journal where journal.job = id limit 1), false) as journaled,
           id
    from cut
    cross join lateral unnest(cut.jobs) as range
    cross join lateral generate_series(lower(range), upper(range) - 1) as id
),
back as (
    -- a job that is stopped, or that got a journal, leaves a gap between its neighbours
    insert into ready (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
    select lower(ids), upper(ids) - 1, lane, eff, now(), priority, attempt, losses, journaled
    from (
        select unnest(range_agg(int8range(id, id, '[]'))) as ids, lane, eff, priority, attempt, losses, journaled
        from lost
        where not stopped
        group by claim, n, id / 1000, lane, eff, priority, attempt, losses, journaled
    ) extent
),
kept as (
    insert into held (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled, reason)
    select id, id, lane, eff, now(), priority, attempt, losses, journaled, 'cancelling'
    from lost
    where stopped
)
select count(*) as "leases!" from cut;
