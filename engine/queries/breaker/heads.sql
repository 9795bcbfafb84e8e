-- From which lanes of this template would the next jobs come, if its breaker did not hold them? Lanes
-- that something else stops are left out.
-- Index  ready_lane, one descent a lane; lane_pkey; pause_lane.
-- Locks  none.
-- Gives  at most $3 lanes, the one with the oldest job first.
with recursive step as (
    (select lane from ready order by lane limit 1)
    union all
    select (select ready.lane from ready where ready.lane > step.lane order by ready.lane limit 1)
    from step
    where step.lane is not null
)
select lane.id
from step
join lane on lane.id = step.lane
cross join lateral (
    select ready.eff from ready where ready.lane = lane.id order by ready.eff, ready.first_id limit 1
) head
where lane.tenant = $1 and lane.template = $2 and lane.probe_of is null
  and (select count(*) from lane_pause where lane_pause.lane = lane.id and lane_pause.scope <> 'breaker') = 0
order by head.eff, lane.id
limit $3;
