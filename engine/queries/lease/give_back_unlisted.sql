-- Gives back leases of a living worker that it does not know: their claim's answer was lost on the way.
-- Jobs that somebody stopped meanwhile are held for their end.
-- Index  lease_worker.
-- Locks  the leases in (claim, n) order, skip locked: one under a flush is known.
with unlisted as materialized (
    select claim, n
    from lease
    where worker = $1 and claim <> all ($2) and claimed_at < now() - make_interval(secs => $3)
    order by claim, n
    for update skip locked
),
cut as (
    delete from lease using unlisted
    where lease.claim = unlisted.claim and lease.n = unlisted.n
    returning lease.*
),
lost as materialized (
    select cut.claim, cut.n, cut.lane, cut.eff, cut.priority, cut.attempt, cut.losses, cut.stop @> id as stopped,
           cut.journaled or exists (select from journal where journal.job = id) as journaled,
           id, id - row_number() over (partition by cut.claim, cut.n, cut.stop @> id order by id) as island
    from cut
    cross join lateral unnest(cut.jobs) as range
    cross join lateral generate_series(lower(range), upper(range) - 1) as id
),
back as (
    insert into ready (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
    select min(id), max(id), lane, eff, now(), priority, attempt, losses, journaled
    from lost
    where not stopped
    group by claim, n, island, id / 1000, lane, eff, priority, attempt, losses, journaled
),
kept as (
    insert into held (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled, reason)
    select id, id, lane, eff, now(), priority, attempt, losses, journaled, 'cancelling'
    from lost
    where stopped
)
select count(*) as "leases!" from cut;
