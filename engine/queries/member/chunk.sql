-- The members of one chunk of a job, in order. One that was made anew works on those of the job that it repeats.
-- Index  job_pkey; member_job (job, chunk, n).
-- Locks  none: members never change.
with recursive origin as (
    select id, redrive_of from job where id = $1
    union all
    select job.id, job.redrive_of from origin join job on job.id = origin.redrive_of
)
select key, object, document
from member
where job = (select id from origin where redrive_of is null) and chunk = $2
order by n;
