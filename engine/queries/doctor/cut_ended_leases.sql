-- Cuts jobs with ids from $1 to $2 that have an outcome out of their leases: what their workers make of
-- them is refused from now on. A flush cuts the lease in the statement that stores the outcome, so a job
-- that the locked row still has did not end by it.
-- Index  outcome_pkey by range; lease_pkey: leases are few; limit_use_pkey.
-- Locks  the leases in (claim, n) order, then the counters of their limits in key order.
-- Gives  how many leases.
with ended as materialized (
    select coalesce(range_agg(int8range(first_id, last_id, '[]')), '{}') as ids
    from outcome
    where first_id between $1 and $2 and last_id >= first_id
),
hit as materialized (
    select lease.claim, lease.n, lease.lane, lease.jobs, lease.stop, lease.jobs * ended.ids as cut
    from lease cross join ended
    where lease.jobs && ended.ids
    order by lease.claim, lease.n
    for update of lease
),
freed as materialized (
    select key, sum((upper(range) - lower(range)) * coalesce(cost, 1))::int4 as n
    from hit
    join lane on lane.id = hit.lane
    cross join lateral unnest(hit.cut) as range
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
    from counter join freed on freed.key = counter.key
    where limit_use.key = any (array(select key from freed)) and limit_use.key = counter.key
),
emptied as (
    delete from lease using hit
    where lease.claim = hit.claim and lease.n = hit.n and hit.jobs <@ hit.cut
),
shrunk as (
    update lease set jobs = hit.jobs - hit.cut, stop = hit.stop - hit.cut
    from hit
    where lease.claim = hit.claim and lease.n = hit.n and not hit.jobs <@ hit.cut
)
select count(*) as "rows!" from hit where not isempty(hit.cut);
