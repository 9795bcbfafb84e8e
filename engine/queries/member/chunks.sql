-- How many chunks does a job read? One that was made anew works on those of the job that it repeats.
-- Index  job_pkey; member_job (job, chunk, n).
-- Locks  none.
with recursive origin as (
    select id, redrive_of from job where id = $1
    union all
    select job.id, job.redrive_of from origin join job on job.id = origin.redrive_of
)
-- The last one by the index: `max` would read every member.
select coalesce((
    select chunk from member
    where job = (select id from origin where redrive_of is null) and chunk is not null
    order by chunk desc
    limit 1), 0) as "chunks!";
