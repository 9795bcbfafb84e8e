-- Which due job under this key is the oldest, leaving out one, and how many units does it take?
-- Index  lane_limits, ready_lane.
-- Locks  none: who cancels it looks again.
select ready.first_id, coalesce(lane.costs[array_position(lane.limits, $1::int4)], 1) as "cost!"
from lane join ready on ready.lane = lane.id
where lane.limits <> '{}' and lane.limits @> array[$1::int4] and ready.first_id <> $2
order by ready.eff, ready.first_id
limit 1;
