-- Tells parents of children that have ended, and wakes those that rest. Children that have not ended stay.
-- Its caller has met the parents (`mail/meet.sql`).
-- Index  child_pkey; the outcome's key, one step back in its block; wait_pkey.
-- Locks  the children in order; then rows n = 0 of their parents in order of job.
-- Gives  how many were told, how many parents are ready, and of those that nobody awaits: how many of each activity
--        ended badly.
with own as materialized (
    select job, parent, activity, awaited from child where job = any ($1::int8[]) order by job for update
),
ended as materialized (
    select own.*, outcome.kind, outcome.code, outcome.result
    from own
    cross join lateral (
        select * from (select last_id, kind, code, result from outcome
                       where first_id <= own.job and first_id >= own.job / 1000 * 1000
                       order by first_id desc limit 1) near
        where near.last_id >= own.job
    ) outcome
),
member as materialized (
    select parent, activity, count(*) filter (where kind <> 'completed')::int4 as failed
    from ended
    where not awaited
    group by parent, activity
),
forgotten as (
    delete from child using ended where child.job = ended.job
),
letters as (
    insert into inbox (job, kind, data)
    select parent, 'child',
           json_build_object('activity', activity, 'job', 'j_' || job, 'outcome', kind, 'code', code, 'result', result::json)::text
    from ended
    where awaited
),
park as materialized (
    select job, lane, eff, priority, attempt, losses
    from wait
    where job = any (array(select parent from ended where awaited)) and n = 0
    order by job
    for update
),
gone as (
    delete from wait using park where wait.job = park.job
),
woken as (
    insert into ready (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
    select job, job, lane, eff, now(), priority, attempt, losses, true from park
)
select (select count(*) from ended) as "told!", (select count(*) from park) as "jobs!",
       array(select parent from member order by parent, activity) as "parents!",
       array(select activity from member order by parent, activity) as "activities!",
       array(select failed from member order by parent, activity) as "failed!";
