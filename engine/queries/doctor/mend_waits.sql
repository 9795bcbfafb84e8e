-- Wakes jobs that nothing else will wake: their machine looks, and ends or rests again with a cause. Deletes
-- causes of jobs that do not rest.
-- Index  wait_due, where what has no timer stands together; wait_pkey.
-- Locks  rows n = 0 in order of job, skip locked; the causes.
-- Gives  how many.
with idle as materialized (
    select job, lane, eff, priority, attempt, losses
    from wait
    where n = 0 and due is null
      and not exists (select from wait cause where cause.job = wait.job and cause.n > 0)
    order by job
    limit 1000
    for update skip locked
),
gone as (
    delete from wait using idle where wait.job = idle.job and wait.n = 0 returning wait.job
),
woken as (
    insert into ready (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
    select idle.job, idle.job, lane, eff, now(), priority, attempt, losses, true
    from idle join gone on gone.job = idle.job
),
stray as (
    delete from wait
    where wait.n > 0 and not exists (select from wait park where park.job = wait.job and park.n = 0)
    returning wait.job
)
select (select count(*) from gone) + (select count(*) from stray) as "rows!";
