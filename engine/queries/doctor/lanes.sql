-- Which jobs with ids from $1 to $2 stand in another lane than theirs, or in a lane of another tenant or batch?
-- Index  job_pkey, ready_pkey, later_pkey, held_pkey, wait_pkey by range; lane_pkey; leases are few.
-- Locks  none; one snapshot.
-- Gives  a row a code: how many, and the first $3 of them.
with extent as materialized (
    select first_id, last_id, lane, 'ready' as place from ready where first_id between $1 and $2
    union all
    select first_id, last_id, lane, 'later' from later where first_id between $1 and $2
    union all
    select first_id, last_id, lane, 'held' from held where first_id between $1 and $2
    union all
    select lower(range), upper(range) - 1, lane, 'lease'
    from lease cross join lateral unnest(jobs * int8multirange(int8range($1, $2, '[]'))) as range
    union all
    select job, job, lane, 'wait' from wait where n = 0 and job between $1 and $2
),
wrong as (
    select job.id, 'wrong_lane' as code,
           extent.place || ' in lane ' || extent.lane || ', made for lane ' || job.lane as detail
    from extent join job on job.id >= extent.first_id and job.id <= extent.last_id
    where job.lane <> extent.lane
    union all
    select job.id, case when job.tenant is distinct from lane.tenant then 'wrong_tenant' else 'wrong_batch' end,
           'lane ' || job.lane || ' is of tenant ' || coalesce(lane.tenant::text, 'nobody') || ' and batch '
               || coalesce(lane.batch, 0) || ', the job of ' || job.tenant || ' and ' || coalesce(job.batch, 0)
    from job left join lane on lane.id = job.lane
    where job.id between $1 and $2
      and (job.tenant is distinct from lane.tenant or coalesce(job.batch, 0) is distinct from lane.batch)
)
select code as "code!", count(*) as "found!", (array_agg('j_' || id order by id))[1:$3::int4] as "subjects!",
       (array_agg(detail order by id))[1:$3::int4] as "details!"
from wrong
group by code;
