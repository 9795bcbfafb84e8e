-- Cuts a job out of its lease and ends it at once: what its worker makes of it is refused.
-- Index  none that helps to find it: leases are few hundreds; then lease_pkey; limit_use_pkey.
-- Locks  the lease, then the counters of its limits in key order.
with own as materialized (
    select id, tenant, lane, batch from job where id = $2 and tenant = $1
),
hit as materialized (
    select lease.claim, lease.n, lease.lane, lease.attempt, lease.jobs, lease.stop,
           int8multirange(int8range($2, $2, '[]')) as cut
    from lease, own
    where lease.jobs @> own.id
    for update of lease
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
    delete from lease using hit
    where lease.claim = hit.claim and lease.n = hit.n and hit.jobs <@ hit.cut
),
shrunk as (
    update lease set jobs = hit.jobs - hit.cut, stop = hit.stop - hit.cut
    from hit
    where lease.claim = hit.claim and lease.n = hit.n and not hit.jobs <@ hit.cut
),
ended as (
    insert into outcome (first_id, last_id, tenant, lane, batch, kind, code, attempt, result)
    select own.id, own.id, own.tenant, own.lane, own.batch, 'cancelled', 'killed', hit.attempt, $3
    from hit cross join own
),
told as (
    insert into tally (batch, kind, n)
    select own.batch, 'cancelled', 1 from hit cross join own where own.batch is not null
),
released as (
    delete from request_key where job = $2 and hold = 'active' and exists (select from hit)
),
unread as (
    delete from inbox where job = $2 and kind = 'order' and exists (select from hit)
),
fulfilled as (
    delete from intent where job = $2 and verb = 'cancel' and exists (select from hit)
)
select exists (select from hit) as "hit!";
