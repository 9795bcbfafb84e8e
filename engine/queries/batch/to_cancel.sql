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
    from redrive_job
    where redrive_job.origin between (select first_id from page) and (select last_id from page)
      and redrive_job.job <> redrive_job.origin
    union
    select once_more.job
    from anew
    cross join lateral (
        select job from redrive_job where origin = anew.job and job <> origin offset 0
    ) once_more
),
span as materialized (
    select first_id, last_id from page union all select job, job from anew
),
extent as (
    -- Span by span: a join would read all holders there are.
    select near.first_id, near.last_id
    from span
    cross join lateral (
        select first_id, last_id from ready where first_id between span.first_id and span.last_id offset 0
    ) near
    union all
    select near.first_id, near.last_id
    from span
    cross join lateral (
        select first_id, last_id from later where first_id between span.first_id and span.last_id offset 0
    ) near
    union all
    select near.first_id, near.last_id
    from span
    cross join lateral (
        select first_id, last_id from held
        where first_id between span.first_id and span.last_id and reason <> 'cancelling'
        offset 0
    ) near
    union all
    select lower(piece), upper(piece) - 1
    from lane
    join lease on lease.lane = lane.id
    cross join (select range_agg(int8range(first_id, last_id, '[]')) as ids from span) spans
    cross join lateral unnest((lease.jobs - lease.stop) * spans.ids) as piece
    where lane.batch = $1 and lane.batch <> 0
)
select page.first_id as "first_id!",
       array(select near.job
             from span
             cross join lateral (
                 select job from wait where job between span.first_id and span.last_id and n = 0 offset 0
             ) near
             order by near.job) as "resting!",
       array(select open.job
             from extent cross join lateral generate_series(extent.first_id, extent.last_id) as open (job)
             where (select count(*) from inbox where inbox.job = open.job and inbox.kind = 'order') = 0
             order by open.job) as "others!"
from page;
