-- Wakes jobs that rest for events which have their position, some of them a time. The text of an event stays where it
-- is: an inbox gets its position. Who came to rest later than the event has looked for it (`mail/rest.sql`).
-- Index  event_woken_pkey; event_pkey; wait_message, wait_pkey; heard_pkey.
-- Locks  the row of who wakes, skip locked; then rows n = 0 of who waits, in order of job.
-- Gives  how many jobs are ready, and whether there may be more to wake.
with mine as materialized (
    select pos from event_woken where only_row for update skip locked
),
page as materialized (
    select pos, tenant, kind, subject, at from event
    where pos > (select pos from mine)
    order by pos
    limit 100
),
most as materialized (
    -- a thousand jobs of one event, and fewer of many: each has a row of each
    select 10000 / greatest(count(*), 10) as jobs from page
),
spot as materialized (
    select page.tenant, means.name, means.key, max(page.pos) as pos
    from page
    cross join lateral (
        values (page.kind, page.subject), (page.kind, ''), ('', page.subject), ('', '')
    ) means (name, key)
    group by page.tenant, means.name, means.key
),
due as materialized (
    select distinct cause.job
    from spot
    cross join lateral (
        select wait.job
        from wait
        where wait.tenant = spot.tenant and wait.kind = 'event' and wait.name = spot.name and wait.key = spot.key and wait.n > 0
          and coalesce(
                  (select heard.pos from heard where heard.job = wait.job and heard.name = spot.name and heard.key = spot.key),
                  0) < spot.pos
        limit (select jobs from most)
    ) cause
    order by cause.job
    limit (select jobs from most)
),
park as materialized (
    select job, lane, eff, priority, attempt, losses
    from wait
    where job = any (array(select job from due)) and n = 0
    order by job
    for update
),
match as materialized (
    select cause.job, cause.name, cause.key, page.pos, page.kind, page.subject, page.at
    from park
    join wait cause on cause.job = park.job and cause.n > 0 and cause.kind = 'event'
    join page on page.tenant = cause.tenant and cause.name in ('', page.kind) and cause.key in ('', page.subject)
),
news as materialized (
    select distinct match.job, match.pos, match.kind, match.at
    from match
    -- it may have been given this one for another type or subject
    where not exists (select from heard
                      where heard.job = match.job and heard.name in ('', match.kind)
                        and heard.key in ('', match.subject) and heard.pos >= match.pos)
),
noted as (
    insert into heard (job, name, key, pos)
    select job, name, key, max(pos) from match group by job, name, key
    on conflict (job, name, key) do update set pos = greatest(heard.pos, excluded.pos)
),
letters as (
    insert into inbox (job, kind, name, key, event, at)
    select job, 'event', kind, '', pos, at from news order by job, pos
),
met as materialized (
    select park.* from park where job in (select job from news)
),
gone as (
    delete from wait using met where wait.job = met.job
),
woken as (
    insert into ready (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
    select job, job, lane, eff, now(), priority, attempt, losses, true from met
),
through as (
    update event_woken set pos = (select max(pos) from page)
    where only_row and exists (select from page) and (select count(*) from due) < (select jobs from most)
)
select (select count(*) from met) as "jobs!", exists (select from page) as "more!";
