-- Asks people, in the flush of the turn that says so. What the job asked before under the same key is asked again, with
-- the newest words; what was decided then is the answer at once.
-- Index  approval_of_job.
-- Locks  the rows, in order of job and key; new letters.
with asked as materialized (
    select *
    from unnest($1::int8[], $2::int4[], $3::text[], $4::int4[], $5::int4[], $6::text[], $7::text[], $8::text[])
         asked (job, tenant, key, activity, round, subject, assignees, options)
),
newest as materialized (
    select distinct on (job, key) * from asked order by job, key, activity desc
),
clock as materialized (
    select now() + clock_offset as now from cluster
),
open as (
    insert into approval (tenant, job, key, activities, round, subject, assignees, options, opened_at, asked_at)
    select tenant, job, key,
           (select array_agg(asked.activity order by asked.activity) from asked
            where asked.job = newest.job and asked.key = newest.key),
           round, subject, array(select json_array_elements_text(assignees::json)),
           array(select json_array_elements_text(options::json)), clock.now, clock.now
    from newest cross join clock
    order by job, key
    on conflict (job, key) do update
        set activities = approval.activities || excluded.activities,
            missed = false,
            ended_at = case when approval.decision is null then null else approval.ended_at end,
            asked_at = excluded.asked_at,
            round = excluded.round,
            subject = case when approval.decision is null then excluded.subject else approval.subject end,
            assignees = case when approval.decision is null then excluded.assignees else approval.assignees end,
            options = case when approval.decision is null then excluded.options else approval.options end
    returning id, job, key, decision, decided_by, comment, decided_at
)
insert into inbox (job, kind, data)
select open.job, 'child',
       json_build_object(
           'activity', asked.activity, 'job', 'a_' || open.id, 'outcome', 'completed',
           'result', json_build_object(
               'decision', open.decision, 'by', open.decided_by, 'comment', open.comment,
               'at', to_char(open.decided_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')))::text
from open
join asked on asked.job = open.job and asked.key = open.key
where open.decision is not null;
