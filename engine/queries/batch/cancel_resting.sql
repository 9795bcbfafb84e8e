-- Orders those of the jobs $1 that rest, and started no other job, to end themselves: whoever deletes a row n = 0
-- wins it.
-- Index  wait_pkey; job_parent.
-- Locks  the rows n = 0 in order, skip locked: one that somebody has just now is asked by itself.
-- Gives  the jobs that were ordered.
with hit as materialized (
    select wait.*
    from wait
    where wait.job = any ($1) and wait.n = 0 and (select true from job where job.parent = wait.job limit 1) is null
    order by wait.job
    for update of wait skip locked
),
gone as (
    delete from wait using hit where wait.job = hit.job returning wait.n
),
ordered as (
    insert into inbox (job, kind, data) select job, 'order', $2 from hit
),
woken as (
    insert into ready (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
    select job, job, lane, eff, now(), priority, attempt, losses, true from hit
)
select job as "job!" from hit;
