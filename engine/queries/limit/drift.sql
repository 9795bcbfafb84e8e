-- Do the counters agree with the leases? Nothing means yes.
-- Index  none that helps: it reads all leases, a few hundred rows, and all counters.
-- Locks  none; one snapshot, and a lease never changes without its counters.
-- Gives  the keys that differ, with what is counted and what is leased.
with leased as materialized (
    select key, sum((upper(range) - lower(range)) * coalesce(cost, 1))::int4 as n
    from lease
    join lane on lane.id = lease.lane
    cross join lateral unnest(lease.jobs) as range
    cross join lateral unnest(lane.limits, lane.costs) as part (key, cost)
    group by key
)
select use.key, rule.tenant, rule.name, use.value, use.used, coalesce(leased.n, 0) as "leased!"
from limit_use use
join limit_rule rule on rule.id = use.rule
left join leased on leased.key = use.key
where use.used <> coalesce(leased.n, 0)
order by use.key;
