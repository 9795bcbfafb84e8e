-- How many jobs of a batch are planned and not released?
-- Index  lane_batch; held_lane (lane, reason, first_id).
-- Locks  none.
-- Gives  one row.
select coalesce(sum(held.last_id - held.first_id + 1), 0)::int8 as "jobs!"
from lane join held on held.lane = lane.id and held.reason = 'planned'
where lane.batch = $1 and lane.batch <> 0;
