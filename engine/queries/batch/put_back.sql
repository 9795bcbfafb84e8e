-- Jobs of a batch that a restart put back among what is planned, with what they did before.
-- Index  lane_batch; held_lane (lane, reason, first_id).
-- Locks  none: each is asked to end under its own.
-- Gives  up to $2 rows.
select put_back.job as "job!"
from lane
join held on held.lane = lane.id and held.reason = 'planned' and held.journaled
cross join lateral generate_series(held.first_id, held.last_id) as put_back (job)
where lane.batch = $1 and lane.batch <> 0
limit $2;
