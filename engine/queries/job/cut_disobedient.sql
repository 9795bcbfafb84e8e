-- Cuts jobs out of their leases whose worker did not end them within the grace of $1 seconds after
-- somebody wanted it: they are held for their end, and what their worker makes of them is refused. One that
-- has taken its order obeys: what its machine has to undo takes as long as it takes.
-- Index  none that helps: wishes and leases are few; then inbox_pkey, lease_pkey; limit_use_pkey.
-- Locks  the leases in (claim, n) order, skip locked: a flush under way is valid and goes first;
--        then the counters of their limits in key order.
with overdue as materialized (
    select job, who, why
    from intent
    where verb = 'cancel' and job is not null and at < now() - make_interval(secs => $1)
      and exists (select from inbox where inbox.job = intent.job and inbox.kind = 'order')
    order by id
    limit 100
),
hit as materialized (
    select lease.*, overdue.job, overdue.who, overdue.why
    from overdue
    join lease on lease.stop @> overdue.job and lease.jobs @> overdue.job
    order by lease.claim, lease.n
    for update of lease skip locked
),
leaving as materialized (
    select claim, n, jobs, stop, range_agg(int8range(job, job, '[]')) as cut
    from hit group by claim, n, jobs, stop
),
freed as materialized (
    select key, sum(coalesce(cost, 1))::int4 as n
    from hit join lane on lane.id = hit.lane
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
emptied as (
    delete from lease using leaving
    where lease.claim = leaving.claim and lease.n = leaving.n and leaving.jobs <@ leaving.cut
),
shrunk as (
    update lease set jobs = leaving.jobs - leaving.cut, stop = leaving.stop - leaving.cut
    from leaving
    where lease.claim = leaving.claim and lease.n = leaving.n and not leaving.jobs <@ leaving.cut
),
kept as (
    insert into held (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled, reason, who, why)
    select job, job, lane, eff, now(), priority, attempt, losses,
           journaled or coalesce((select true from journal where journal.job = hit.job limit 1), false), 'cancelling', who, why
    from hit
)
select count(*) as "jobs!" from hit;
