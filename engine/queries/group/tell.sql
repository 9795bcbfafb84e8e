-- Tells parents what became of their groups, wakes those that rest, and forgets the groups. Without a title ($3) it is
-- the list of what the items gave, in their order; one of more than $5 bytes is an error, as is every title.
-- Its caller has met the parents (`mail/meet.sql`).
-- Index  child_group_pkey, child_item_pkey; the outcome's key, one step back in its block; wait_pkey.
-- Locks  the groups and items; then rows n = 0 of the parents in order of job.
-- Gives  how many parents are ready.
with over as materialized (
    select told.parent, told.activity, told.title, child_group.items, child_group.failed
    from unnest($1::int8[], $2::int4[], $3::text[]) told (parent, activity, title)
    join child_group on child_group.parent = told.parent and child_group.activity = told.activity
),
answer as materialized (
    select over.parent, over.activity, over.title, item.n, item.job, outcome.kind, outcome.result
    from over
    join child_item item on item.parent = over.parent and item.activity = over.activity
    left join lateral (
        select * from (select last_id, kind, result from outcome
                       where first_id <= item.job and first_id >= item.job / 1000 * 1000
                       order by first_id desc limit 1) near
        where near.last_id >= item.job
    ) outcome on true
),
size as materialized (
    select parent, activity, sum(octet_length(result) + 40) as bytes from answer group by parent, activity
),
list as materialized (
    select answer.parent, answer.activity,
           string_agg(
               case kind
                   when 'completed' then '{"index":' || n || ',"ok":true,"output":' || coalesce(result, 'null') || '}'
                   else '{"index":' || n || ',"ok":false,"error":'
                       || coalesce(result, json_build_object('title', 'j_' || job || ' ended ' || kind)::text) || '}'
               end, ',' order by n) as entries
    from answer join size using (parent, activity)
    where answer.title is null and size.bytes <= $5
    group by answer.parent, answer.activity
),
bad as materialized (
    select distinct on (parent, activity) parent, activity, n, job,
           case when octet_length(result) <= 4096 then result::json end as error
    from answer
    where kind <> 'completed'
    order by parent, activity, n
),
letters as (
    insert into inbox (job, kind, data)
    select over.parent, 'child',
           json_build_object(
               'activity', over.activity,
               'job', 'j_' || coalesce(bad.job, over.parent),
               'outcome', case when judged.title is null then 'completed' else 'failed' end,
               'result', case
                   when judged.title is null then ('[' || coalesce(list.entries, '') || ']')::json
                   else json_build_object(
                       'type', $4::text, 'status', 500, 'title', judged.title,
                       'detail', json_build_object('items', over.items, 'failed', over.failed, 'index', bad.n, 'error', bad.error))
               end)::text
    from over
    left join list using (parent, activity)
    left join bad using (parent, activity)
    left join size using (parent, activity)
    cross join lateral (
        select coalesce(over.title, case when size.bytes > $5 then 'what the items gave is too large together' end) as title
    ) judged
),
forgotten as (
    delete from child_group using over where child_group.parent = over.parent and child_group.activity = over.activity
),
emptied as (
    delete from child_item using over where child_item.parent = over.parent and child_item.activity = over.activity
),
park as materialized (
    select job, lane, eff, priority, attempt, losses
    from wait
    where job = any (array(select parent from over)) and n = 0
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
select count(*) as "jobs!" from park;
