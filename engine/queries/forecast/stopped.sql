-- Does a pause cover the jobs of this batch?
-- Index  lane_batch; pause_lane. Pauses are few.
-- Locks  none.
-- Gives  one row.
select coalesce(bool_or((select count(*) from lane_pause where lane_pause.lane = lane.id) > 0), false) as "paused!"
from lane
where lane.batch = $1 and lane.batch <> 0;
