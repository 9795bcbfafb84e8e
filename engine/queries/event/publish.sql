-- Gives events their position, and gives them to the jobs that rest for their type and subject. An event whose
-- id was published before is dropped. Whoever stops resting in the meantime finds it by its position.
-- Its caller is the publisher (`event/head.sql`), and has met those who are about to rest for these types.
-- Index  event_new_pkey, event_uid, event_head_pkey; wait_message, wait_pkey; heard_pkey.
-- Locks  rows n = 0 of who waits, in order of job.
-- Gives  how many events, and how many jobs are ready.
with page as materialized (
    delete from event_new where id = any ($1::int8[]) returning *
),
fresh as materialized (
    select page.*, (select pos from event_head) + row_number() over (order by id) as pos
    from page
    where uid is null
       or not exists (select from event where event.tenant = page.tenant and event.uid = page.uid)
          and not exists (select from page earlier where earlier.tenant = page.tenant and earlier.uid = page.uid and earlier.id < page.id)
),
published as (
    insert into event (pos, tenant, kind, subject, uid, data, at)
    select pos, tenant, kind, subject, uid, data, at from fresh
),
come as (
    update event_head set pos = event_head.pos + (select count(*) from fresh) where only_row
),
match as materialized (
    select cause.job, cause.name, cause.key, fresh.pos, fresh.kind, fresh.data
    from fresh
    cross join lateral (
        select wait.job, wait.name, wait.key
        from wait
        where wait.tenant = fresh.tenant and wait.kind = 'event' and wait.name in ('', fresh.kind)
          and wait.key in ('', fresh.subject) and wait.n > 0
    ) cause
),
park as materialized (
    select job, lane, eff, priority, attempt, losses
    from wait
    where job = any (array(select job from match)) and n = 0
    order by job
    for update
),
noted as (
    insert into heard (job, name, key, pos)
    select match.job, match.name, match.key, max(match.pos)
    from match join park using (job)
    group by match.job, match.name, match.key
    on conflict (job, name, key) do update set pos = excluded.pos
),
letters as (
    insert into inbox (job, kind, data, name, key)
    select job, 'event', data, name, ''
    from (select distinct on (job, pos) job, pos, data, kind as name from match join park using (job) order by job, pos) news
),
gone as (
    delete from wait using park where wait.job = park.job
),
woken as (
    insert into ready (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
    select job, job, lane, eff, now(), priority, attempt, losses, true from park
)
select (select count(*) from page) as "events!", (select count(*) from park) as "jobs!";
