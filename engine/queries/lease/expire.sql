-- Takes back the leases of dead workers: their unfinished jobs become ready again in smaller extents
-- (a quarter after one loss, alone after two); one that was alone and lost three times is parked;
-- jobs that somebody cancels are held for that.
-- Index  lease_worker through the few dead workers; lease_pkey.
-- Locks  leases in (claim, n) order, skip locked: a flush under way is valid and goes first.
with gone as materialized (
    select lease.claim, lease.n
    from lease
    left join worker on worker.id = lease.worker
    where worker.id is null or worker.dead_at is not null
    order by lease.claim, lease.n
    limit 100
    for update of lease skip locked
),
cut as (
    delete from lease using gone
    where lease.claim = gone.claim and lease.n = gone.n
    returning lease.*
),
lost as materialized (
    -- a job that began without a journal may have got one under this lease
    select cut.claim, cut.n, cut.lane, cut.eff, cut.priority, cut.attempt,
           cut.journaled or exists (select from journal where journal.job = id) as journaled,
           (cut.losses + 1)::int2 as losses, id, cut.stop @> id as stopped,
           row_number() over kind as place, count(*) over (partition by cut.claim, cut.n) as size
    from cut
    cross join lateral unnest(cut.jobs) as range
    cross join lateral generate_series(lower(range), upper(range) - 1) as id
    window kind as (partition by cut.claim, cut.n order by id)
),
fate as materialized (
    select lost.*, (not stopped and losses >= 3 and size = 1) as poison,
           (place - 1) / case when losses = 1 then greatest(1, (size + 3) / 4) else 1 end as piece,
           id - place as island
    from lost
),
back as (
    insert into ready (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
    select min(id), max(id), lane, eff, now(), priority, attempt, losses, journaled
    from fate
    where not stopped and not poison
    group by claim, n, piece, island, id / 1000, lane, eff, priority, attempt, losses, journaled
),
kept as (
    insert into held (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled, reason, why)
    select id, id, lane, eff, now(), priority, attempt, losses, journaled,
           case when stopped then 'cancelling' else 'parked' end,
           case when stopped then '' else 'lost with its worker ' || losses || ' times, the last time alone' end
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
