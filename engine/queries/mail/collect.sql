-- Gives a job that runs what it listens for: kept signals that its listens, with mark $8, did not refuse, one each and
-- the oldest first, and the positions of events that it was not given yet. What it rests for, `mail/rest.sql` gives.
-- Nothing where its lease is gone. Asked again and again, so it need meet nobody.
-- Index  lease_pkey; signal_kept, signal_pkey; heard_pkey; event_since, event_kind, event_subject, event_pkey; job_pkey.
-- Locks  the lease, shared: the job keeps it until it has its letters; then signals, skip locked.
-- Gives  how many letters are new.
with own as materialized (
    select from lease where claim = $2 and n = $3 and jobs @> $1::int8 for share
),
cause as materialized (
    select cause.* from unnest($5::text[], $6::text[], $7::text[]) cause (kind, name, key) where exists (select from own)
),
given as materialized (
    select cause.name, cause.key, kept.id, kept.data
    from cause
    cross join lateral (
        select signal.id, signal.data
        from signal
        where signal.tenant = $4 and signal.key = cause.key and signal.name = cause.name
          and signal.job is null and signal.expires_at > now() and $8::int8 <> all (signal.refused)
        order by signal.at, signal.id
        limit 1
        for update skip locked
    ) kept
    where cause.kind = 'signal'
),
taken as (
    update signal set job = $1 from given where signal.tenant = $4 and signal.key = given.key and signal.id = given.id
),
listen as materialized (
    select cause.name, cause.key, job.created_at as since,
           coalesce(
               (select heard.pos from heard where heard.job = $1 and heard.name = cause.name and heard.key = cause.key),
               (select min(first.pos) - 1
                from (select event.pos from event
                      where cause.name <> '' and cause.key = ''
                        and event.tenant = $4 and event.kind = cause.name and event.at >= job.created_at
                      order by event.at offset 0) first),
               0) as behind
    from cause
    cross join lateral (select job.created_at from job where job.id = $1) job
    where cause.kind = 'event'
),
looked_at as materialized (
    select listen.name, listen.key, event.*
    from listen
    cross join lateral (
        (select event.pos, event.kind, event.subject, event.at
         from event
         where listen.name <> '' and listen.key <> ''
           and event.tenant = $4 and event.kind = listen.name and event.subject = listen.key
           and event.pos > listen.behind and event.at + interval '0' >= listen.since -- by position
         order by event.pos
         limit 100)
        union all
        (select event.pos, event.kind, event.subject, event.at
         from event
         where listen.name <> '' and listen.key = '' and event.tenant = $4 and event.kind = listen.name
           and event.pos > listen.behind and event.at + interval '0' >= listen.since
         order by event.pos
         limit 100)
        union all
        (select event.pos, event.kind, event.subject, event.at
         from event
         where listen.name = '' and event.tenant = $4
           and event.pos > listen.behind and event.at + interval '0' >= listen.since
           and (listen.key = '' or event.subject = listen.key)
         order by event.pos
         limit 100)
    ) event
),
found as materialized (
    select distinct on (pos) pos, kind, at
    from looked_at
    where not exists (select from heard
                      where heard.job = $1 and heard.name in ('', looked_at.kind)
                        and heard.key in ('', looked_at.subject) and heard.pos >= looked_at.pos)
    order by pos
),
noted as (
    insert into heard (job, name, key, pos)
    select $1, listen.name, listen.key,
           case when count(looked_at.pos) < 100 then (select pos from event_head) else max(looked_at.pos) end
    from listen
    left join looked_at on looked_at.name = listen.name and looked_at.key = listen.key
    group by listen.name, listen.key
    on conflict (job, name, key) do update set pos = excluded.pos
),
letters as (
    insert into inbox (job, kind, data, name, key, signal, event, at)
    select $1, 'signal', data, name, key, id, null, now() from given
    union all
    select $1, 'event', null, kind, '', null, pos, at from found
)
select (select count(*) from given) + (select count(*) from found) as "letters!";
