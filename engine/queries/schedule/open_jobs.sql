-- Is a job open that this template's own schedule started? Those that have ended, are parked or are kept no more are
-- forgotten.
-- Index  schedule_job_pkey; the key of outcome and of held, one step back in the block; job_pkey.
-- Locks  the rows, after their schedule.
with ended as (
    delete from schedule_job run
    where run.tenant = $1 and run.schedule = $2
      and (exists (
               select from (select last_id from outcome
                            where first_id <= run.job and first_id >= run.job / 1000 * 1000
                            order by first_id desc limit 1) near
               where near.last_id >= run.job)
           or exists (
               select from (select last_id, reason from held
                            where first_id <= run.job and first_id >= run.job / 1000 * 1000
                            order by first_id desc limit 1) near
               where near.last_id >= run.job and near.reason = 'parked')
           or (select job.id from job where job.tenant = run.tenant and job.id = run.job) is null)
    returning run.job
)
select (select count(*) from schedule_job where tenant = $1 and schedule = $2) > (select count(*) from ended) as "any_open!";
