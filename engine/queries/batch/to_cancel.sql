-- The next range of a batch's ids, and which of its jobs, with those that were made anew of them, are open and
-- were not asked to end. One snapshot: a job stands in one place.
-- Index  batch_range_pkey; redrive_job_origin; ready_pkey, later_pkey, held_pkey, wait_pkey by range; inbox_pkey;
--        lane_batch.
-- Locks  none: each is asked under its own.
-- Gives  one row or none: the range's first id, the jobs that rest, the others.
with recursive page as materialized (
    select first_id, last_id from batch_range where batch = $1 and first_id > $2 order by first_id limit 1
),
anew as (
    select redrive_job.job
    from page join redrive_job on redrive_job.origin >= page.first_id and redrive_job.origin <= page.last_id
    where redrive_job.job <> redrive_job.origin
    union
    select redrive_job.job
    from anew join redrive_job on redrive_job.origin = anew.job
    where redrive_job.job <> redrive_job.origin
),
span as materialized (
    select first_id, last_id from page union all select job, job from anew
),
extent as (
    select ready.first_id, ready.last_id
    from span join ready on ready.first_id >= span.first_id and ready.first_id <= span.last_id
    union all
    select later.first_id, later.last_id
    from span join later on later.first_id >= span.first_id and later.first_id <= span.last_id
    union all
    select held.first_id, held.last_id
    from span join held on held.first_id >= span.first_id and held.first_id <= span.last_id
    where held.reason <> 'cancelling'
    union all
    select lower(piece), upper(piece) - 1
    from lane
    join lease on lease.lane = lane.id
    cross join (select range_agg(int8range(first_id, last_id, '[]')) as ids from span) spans
    cross join lateral unnest((lease.jobs - lease.stop) * spans.ids) as piece
    where lane.batch = $1 and lane.batch <> 0
)
select page.first_id as "first_id!",
       array(select wait.job from span join wait on wait.job >= span.first_id and wait.job <= span.last_id and wait.n = 0
             order by wait.job) as "resting!",
       array(select open.job
             from extent cross join lateral generate_series(extent.first_id, extent.last_id) as open (job)
             where not exists (select from inbox where inbox.job = open.job and inbox.kind = 'order')
             order by open.job) as "others!"
from page;
