-- The next parked jobs of a batch that a restart lets go on.
-- Index  lane_batch; held_lane (lane, reason, first_id); job_pkey where members are named.
-- Locks  none: the batch is locked, and whoever takes one of them away is met when it is moved.
-- Gives  up to $6 ids after $4.
select held.first_id as "job!"
from lane
join held on held.lane = lane.id and held.reason = 'parked'
where lane.batch = $1 and lane.batch <> 0 and held.first_id > $4 and held.first_id <= $5
  and ($2::text is null or coalesce(held.fingerprint, '') = $2)
  and ($3::text[] is null or exists (
      select from job where job.id = held.first_id and (job.member_key = any ($3)
             or job.object = any ($3) and (select strategy from batch where id = $1) = 'object')))
order by held.first_id
limit $6;
