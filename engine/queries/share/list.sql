-- Every group and queue that has work, runs some or has a share: what it may get, and what it has.
-- Index  ready (lane, eff, first_id), one descent a lane; leases and shares are few.
-- Locks  none.
-- Gives  up to 1,000 rows, queues first.
with recursive step as (
    (select lane from ready order by lane limit 1)
    union all
    select (select ready.lane from ready where ready.lane > step.lane order by ready.lane limit 1)
    from step
    where step.lane is not null
),
flight as materialized (
    select lease.lane, sum(upper(range) - lower(range))::int8 as jobs
    from lease
    cross join lateral unnest(lease.jobs) as range
    group by lease.lane
),
busy as materialized (
    select lane.tenant, lane.grp, lane.queue, coalesce(flight.jobs, 0) as jobs, (step.lane is not null) as has_work,
           (step.lane is not null and (select count(*) from lane_pause where lane_pause.lane = lane.id) > 0) as is_paused
    from (select lane from step where lane is not null union select lane from flight) known
    join lane on lane.id = known.lane
    left join step on step.lane = known.lane
    left join flight on flight.lane = known.lane
    where lane.tenant = $1
),
named as (
    select 'group' as kind, grp as name, sum(jobs) as jobs, bool_or(has_work) as has_work, bool_or(is_paused) as is_paused
    from busy group by grp
    union all
    select 'queue', queue, sum(jobs), bool_or(has_work), bool_or(is_paused) from busy group by queue
)
select coalesce(share.kind, named.kind) as "kind!", coalesce(share.name, named.name) as "name!",
       coalesce(share.weight, 1) as "weight!", coalesce(share.minimum, 0) as "minimum!", share.maximum as "maximum?",
       coalesce(share.who, '') as "who!", share.at as "at?",
       coalesce(named.jobs, 0)::int8 as "in_flight!", coalesce(named.has_work, false) as "has_work!",
       coalesce(named.is_paused, false) as "is_paused!"
from named
full join (select * from share where tenant = $1) share on share.kind = named.kind and share.name = named.name
order by 1 desc, 2
limit 1000;
