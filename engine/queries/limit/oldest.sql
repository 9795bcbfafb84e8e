-- Which due job under this key is the oldest, leaving out one?
-- Index  lane_limits, ready_lane.
-- Locks  none: who cancels it looks again.
select ready.first_id
from lane join ready on ready.lane = lane.id
where lane.limits <> '{}' and lane.limits @> array[$1::int4] and ready.first_id <> $2
order by ready.eff, ready.first_id
limit 1;
