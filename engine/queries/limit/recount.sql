-- Sets locked counters to what is leased. The lock came before this statement's snapshot (a snapshot
-- is older than the lock that it waits for), so what it sees of the leases is final.
-- Index  none that helps: it reads all leases, a few hundred rows.
-- Locks  the counters, held already.
with leased as materialized (
    select key, sum((upper(range) - lower(range)) * coalesce(cost, 1))::int4 as n
    from lease
    join lane on lane.id = lease.lane
    cross join lateral unnest(lease.jobs) as range
    cross join lateral unnest(lane.limits, lane.costs) as part (key, cost)
    where key = any ($1)
    group by key
)
update limit_use
set used = counted.n
from (select wanted.key, coalesce(leased.n, 0) as n
      from unnest($1::int4[]) as wanted (key) left join leased on leased.key = wanted.key) counted
where limit_use.key = counted.key and limit_use.used <> counted.n
returning limit_use.key;
