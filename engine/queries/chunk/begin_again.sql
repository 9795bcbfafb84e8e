-- Notes that jobs work through their chunks once more, in the transaction of the turns that say so: those that failed are under
-- way until they end anew. They stand under the job whose members they are, as `tell.sql` has them.
-- Index  job_pkey; chunk_verdict_pkey.
-- Locks  the verdicts; nobody else writes those of a job than who holds it.
with recursive origin as (
    select job.id, job.redrive_of
    from unnest($1::int8[]) asked (job)
    join job on job.id = asked.job
    union all
    select job.id, job.redrive_of
    from origin join job on job.id = origin.redrive_of
)
update chunk_verdict set again = true
where job = any (array(select id from origin where redrive_of is null)) and kind = 'failed' and not again;
