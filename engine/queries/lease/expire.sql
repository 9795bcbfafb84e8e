-- Takes back the leases of dead workers: their unfinished jobs become ready again in smaller extents
-- (a quarter after one loss, alone after two); poison is parked; jobs that somebody cancels are held
-- for that. Only a loss suffered alone counts against a job: a claim takes one with two losses alone and
-- never beside another suspect (`exchange.sql`), so at its third loss it is at fault if its worker held
-- nothing else. Beside jobs that were never lost before, one of them may be: then the third such loss
-- counts, the fifth in all.
-- Index  lease_worker through the few dead workers; lease_pkey; loss_jobs; limit_use_pkey.
-- Locks  leases, skip locked: a flush under way is valid and goes first. Suspects first, so that they
--        are judged while the leases beside them still stand. Then the counters of their limits in key
--        order.
with gone as materialized (
    select lease.claim, lease.n
    from lease
    left join worker on worker.id = lease.worker
    where worker.id is null or worker.dead_at is not null
    order by (lease.losses > 1) desc, lease.claim, lease.n
    limit 100
    for update of lease skip locked
),
cut as (
    delete from lease using gone
    where lease.claim = gone.claim and lease.n = gone.n
    returning lease.*
),
freed as materialized (
    select key, sum((upper(range) - lower(range)) * coalesce(cost, 1))::int4 as n
    from cut
    join lane on lane.id = cut.lane
    cross join lateral unnest(cut.jobs) as range
    cross join lateral unnest(lane.limits, lane.costs) as part (key, cost)
    group by key
),
counter as materialized (
    select key, used
    from limit_use
    where key = any (array(select key from freed))
    order by key
    for update
),
counted as (
    update limit_use
    set used = counter.used - freed.n
    from counter
    join freed on freed.key = counter.key
    where limit_use.key = any (array(select key from freed)) and limit_use.key = counter.key
),
lost as materialized (
    -- a job that began without a journal may have got one under this lease
    select cut.claim, cut.n, cut.worker, cut.lane, cut.eff, cut.priority, cut.attempt,
           cut.journaled or coalesce((select true from journal where journal.job = id limit 1), false) as journaled,
           (cut.losses + 1)::int2 as losses, id, cut.stop @> id as stopped,
           row_number() over kind as place, count(*) over (partition by cut.claim, cut.n) as size,
           cut.losses > 1 and exists (
               select from lease beside
               where beside.worker = cut.worker and (beside.claim <> cut.claim or beside.n <> cut.n)
           ) as in_company
    from cut
    cross join lateral unnest(cut.jobs) as range
    cross join lateral generate_series(lower(range), upper(range) - 1) as id
    window kind as (partition by cut.claim, cut.n order by id)
),
fate as materialized (
    select lost.*, (not stopped and size = 1 and losses >= case when in_company then 5 else 3 end) as poison,
           (place - 1) / case when losses = 1 then greatest(1, (size + 3) / 4) else 1 end as piece,
           id - place as island
    from lost
),
back as (
    -- a job that is stopped, or that got a journal, leaves a gap between its neighbours
    insert into ready (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
    select lower(ids), upper(ids) - 1, lane, eff, now(), priority, attempt, losses, journaled
    from (
        select unnest(range_agg(int8range(id, id, '[]'))) as ids, lane, eff, priority, attempt, losses, journaled
        from fate
        where not stopped and not poison
        group by claim, n, piece, id / 1000, lane, eff, priority, attempt, losses, journaled
    ) extent
),
noted as (
    insert into loss (first_id, last_id, losses, worker, host)
    select min(fate.id), max(fate.id), losses, fate.worker, coalesce(max(worker.host), '')
    from fate left join worker on worker.id = fate.worker
    group by claim, n, island, fate.id / 1000, losses, fate.worker
),
kept as (
    insert into held (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled, reason, why, code, fingerprint)
    select id, id, lane, eff, now(), priority, attempt, losses, journaled,
           case when stopped then 'cancelling' else 'parked' end,
           case when stopped then '' else 'lost with its worker ' || losses || ' times, the last time alone: ' || (
               select string_agg(name, ', ' order by at)
               from (
                   select loss.host || ' ' || loss.worker as name, loss.at
                   from loss
                   where loss.first_id <= fate.id and loss.first_id > fate.id - 1000 and loss.last_id >= fate.id
                   union all
                   select coalesce(worker.host, '') || ' ' || fate.worker, now()
                   from (values (1)) once left join worker on worker.id = fate.worker
               ) named
           ) end,
           case when stopped then null else 'lost' end,
           case when stopped then null else 'lost' end
    from fate
    where stopped or poison
),
told as (
    insert into tally (batch, kind, n)
    select lane.batch, 'parked', count(*)
    from fate join lane on lane.id = fate.lane
    where fate.poison and lane.batch <> 0
    group by lane.batch
)
select (select count(*) from cut) as "leases!",
       (select count(*) from fate where not stopped and not poison) as "jobs!",
       (select count(*) from fate where poison) as "parked!";
