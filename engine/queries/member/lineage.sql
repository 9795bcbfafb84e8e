-- Which jobs does this one repeat, the latest first, and what did they run?
-- Index  job_pkey.
-- Locks  none.
-- Gives  a row a job; none for one that was not made anew.
with recursive earlier as (
    select id, redrive_of, template_version, 0 as back from job where id = $1
    union all
    select job.id, job.redrive_of, job.template_version, earlier.back + 1
    from earlier join job on job.id = earlier.redrive_of
)
select id as "job!", template_version as "template_version!" from earlier where back > 0 order by back;
