-- Decides what a job asks, tells the steps that wait for it, and wakes the job if it rests. Nothing where it has ended,
-- where its job has, or where the decision is none of its options. Its caller has met the job (`mail/meet.sql`).
-- Index  approval_pkey; the outcome's key, one step back in its block; wait_pkey.
-- Locks  the request; then the row n = 0 of its job.
-- Gives  how many were decided.
with own as materialized (
    select approval.*
    from approval
    where id = $2 and tenant = $1
    for update
),
open as materialized (
    select own.id, now() + cluster.clock_offset as now
    from own cross join cluster
    where own.ended_at is null and $3 = any (own.options)
      and not exists (
          select from (select last_id from outcome
                       where first_id <= own.job and first_id >= own.job / 1000 * 1000
                       order by first_id desc limit 1) near
          where near.last_id >= own.job)
),
decided as (
    update approval
    set decision = $3, decided_by = $4, comment = $5, decided_at = open.now, ended_at = open.now
    from open
    where approval.id = open.id
    returning approval.*
),
letters as (
    insert into inbox (job, kind, data)
    select decided.job, 'child',
           json_build_object(
               'activity', activity, 'job', 'a_' || decided.id, 'outcome', 'completed',
               'result', json_build_object(
                   'decision', decision, 'by', decided_by, 'comment', comment,
                   'at', to_char(decided_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')))::text
    from decided cross join unnest(activities) activity
),
park as materialized (
    select job, lane, eff, priority, attempt, losses
    from wait
    where job = (select job from decided) and n = 0
    for update
),
gone as (
    delete from wait using park where wait.job = park.job
),
woken as (
    insert into ready (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
    select job, job, lane, eff, now(), priority, attempt, losses, true from park
)
select count(*) as "decided!" from decided;
