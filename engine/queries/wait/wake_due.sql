-- Makes waiting jobs ready whose timer has come. Whoever deletes row n = 0 wins the job.
-- Index  wait_due.
-- Locks  rows n = 0, skip locked.
with due as materialized (
    select job, lane, eff, priority, attempt, losses
    from wait
    where n = 0 and due <= coalesce($1, now())
    order by due
    limit 500
    for update skip locked
),
gone as (
    delete from wait using due where wait.job = due.job returning wait.job, wait.n
),
woken as (
    insert into ready (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
    select due.job, due.job, due.lane, due.eff, now(), due.priority, due.attempt, due.losses, true
    from due
    where exists (select from gone where gone.job = due.job and gone.n = 0)
)
select count(*) as "jobs!" from due;
