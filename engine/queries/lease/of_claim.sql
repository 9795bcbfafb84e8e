-- What did a claim take whose answer was lost? Empty when it never happened.
-- Index  lease_pkey; lane_pkey; job_pkey.
-- Locks  none: only its own worker settles it, and that worker asks.
select lease.n, job.tenant, job.id, job.nonce, job.template_version, job.batch, job.member_key, job.object, job.input,
       job.created_at, job.expires_at, job.timeout, job.retry_revision, job.parent, lease.lane, lease.attempt, lease.losses, lease.journaled,
       cardinality(lane.limits) > 0 as "limited!", now() + (select clock_offset from cluster) as "now!"
from lease
join lane on lane.id = lease.lane
cross join lateral unnest(lease.jobs) as range
cross join lateral (
    select * from job where job.id >= lower(range) and job.id < upper(range)
) job
where lease.claim = $1;
