-- Writes down what jobs wait for that have just begun to rest, and gives them what came before: kept signals that
-- nobody refused, one each and the oldest first, and the positions of events since they were made that they were not
-- given yet. A job for which there is anything that its listens have not refused is made ready instead.
-- Its caller has met the tellers (`mail/meet.sql`) and recorded the rest (`lease/exchange.sql`) before, in this
-- transaction.
-- Index  wait_pkey; signal_kept, signal_pkey; heard_pkey; event_since, event_kind, event_subject, event_pkey;
--        inbox_pkey; job_pkey; child_parent, child_batch_parent.
-- Locks  signals, waiting for them: who has one may yet roll back; letters of the jobs.
-- Gives  how many jobs are ready again.
with park as materialized (
    -- a pause may have held it instead
    select wait.job, wait.lane, wait.eff, wait.priority, wait.attempt, wait.losses, rests.mark
    from unnest($1::int8[], $8::int8[]) rests (job, mark)
    join wait on wait.job = rests.job and wait.n = 0
),
judged as materialized (
    select judged.job, judged.id, park.mark
    from unnest($9::int8[], $10::int8[]) judged (job, id)
    join park using (job)
),
refused as (
    update inbox set refused = judged.mark from judged where inbox.job = judged.job and inbox.id = judged.id
),
cause as materialized (
    select cause.*
    from unnest($2::int8[], $3::int2[], $4::int4[], $5::text[], $6::text[], $7::text[]) cause (job, n, tenant, kind, name, key)
    where cause.job in (select job from park)
),
spot as materialized (
    select tenant, name, key, count(*) as jobs
    from cause where kind = 'signal'
    group by tenant, name, key
    order by tenant, name, key
),
kept as materialized (
    select spot.tenant, spot.name, spot.key, kept.id, kept.at, kept.data
    from spot
    cross join lateral (
        select signal.id, signal.at, signal.data
        from signal
        where signal.tenant = spot.tenant and signal.key = spot.key and signal.name = spot.name
          and signal.job is null and signal.expires_at > now() and signal.refused = '{}'
        order by signal.at, signal.id
        limit spot.jobs
        for update
    ) kept
),
given as materialized (
    select waiting.job, tenant, name, key, kept.id, kept.data
    from (
        select *, row_number() over (partition by tenant, name, key order by job) as place from cause where kind = 'signal'
    ) waiting
    join (
        select *, row_number() over (partition by tenant, name, key order by at, id) as place from kept
    ) kept using (tenant, name, key, place)
),
taken as (
    update signal set job = given.job
    from given
    where signal.tenant = given.tenant and signal.key = given.key and signal.id = given.id
),
listen as materialized (
    -- from where on: after what it was given last, or else from the first one since it was made
    select cause.job, cause.tenant, cause.name, cause.key, job.created_at as since,
           coalesce(
               (select heard.pos from heard where heard.job = cause.job and heard.name = cause.name and heard.key = cause.key),
               (select min(first.pos) - 1
                from (select event.pos from event
                      where cause.name <> '' and cause.key = ''
                        and event.tenant = cause.tenant and event.kind = cause.name and event.at >= job.created_at
                      order by event.at offset 0) first),
               0) as behind
    from cause
    cross join lateral (select job.created_at from job where job.id = cause.job offset 0) job
    where cause.kind = 'event'
),
looked_at as materialized (
    select listen.job, listen.name, listen.key, event.*
    from listen
    cross join lateral (
        (select event.pos, event.kind, event.subject, event.at
         from event
         where listen.name <> '' and listen.key <> ''
           and event.tenant = listen.tenant and event.kind = listen.name and event.subject = listen.key
           and event.pos > listen.behind and event.at + interval '0' >= listen.since -- by position
         order by event.pos
         limit 100)
        union all
        (select event.pos, event.kind, event.subject, event.at
         from event
         where listen.name <> '' and listen.key = '' and event.tenant = listen.tenant and event.kind = listen.name
           and event.pos > listen.behind and event.at + interval '0' >= listen.since
         order by event.pos
         limit 100)
        union all
        (select event.pos, event.kind, event.subject, event.at
         from event
         where listen.name = '' and event.tenant = listen.tenant
           and event.pos > listen.behind and event.at + interval '0' >= listen.since
           and (listen.key = '' or event.subject = listen.key)
         order by event.pos
         limit 100)
    ) event
),
found as materialized (
    select distinct on (job, pos) job, pos, kind, at
    from looked_at
    -- it may have been given this one for another type or subject
    where (select count(*) from heard
           where heard.job = looked_at.job and heard.name in ('', looked_at.kind)
             and heard.key in ('', looked_at.subject) and heard.pos >= looked_at.pos) = 0
    order by job, pos
),
noted as (
    -- all that is published was looked at, unless there was too much
    insert into heard (job, name, key, pos)
    select listen.job, listen.name, listen.key,
           case when count(looked_at.pos) < 100 then (select pos from event_head) else max(looked_at.pos) end
    from listen
    left join looked_at on looked_at.job = listen.job and looked_at.name = listen.name and looked_at.key = listen.key
    group by listen.job, listen.name, listen.key
    on conflict (job, name, key) do update set pos = excluded.pos
),
letters as (
    insert into inbox (job, kind, data, name, key, signal, event, at)
    select job, 'signal', data, name, key, id, null, now() from given
    union all
    select job, 'event', null, kind, '', null, pos, at from found
),
met as materialized (
    select park.*
    from park
    where job in (select job from given)
       or job in (select job from found)
       or coalesce((select true from inbox
                    where inbox.job = park.job and inbox.refused is distinct from park.mark
                      and not exists (select from judged where judged.job = inbox.job and judged.id = inbox.id)
                    limit 1), false)
),
gone as (
    delete from wait using met where wait.job = met.job
),
woken as (
    insert into ready (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
    select job, job, lane, eff, now(), priority, attempt, losses, true from met
),
stands as (
    insert into wait (job, n, lane, tenant, mark, kind, name, key)
    select cause.job, cause.n, park.lane, cause.tenant, park.mark, cause.kind, cause.name,
           case cause.kind
               when 'child' then (select 'j_' || max(child.job) from child
                                  where child.parent = cause.job and child.activity = cause.key::int4)
               when 'batch' then (select 'b_' || batch from child_batch
                                  where parent = cause.job and activity = cause.key::int4)
               else cause.key
           end
    from cause join park using (job)
    where cause.job not in (select job from met)
)
select count(*) as "jobs!" from met;
