-- Ends jobs that nobody started in time: they are cut out of their extents, and the rests go back.
-- Index  expiry_due; ready_pkey, later_pkey, held_pkey: an extent never leaves its block of 1,000 ids.
-- Locks  the rows of expiry, then the extents; all skip locked: what is locked is looked at again.
-- Gives  how many ended, and how many rows were looked at.
with due as materialized (
    select job as id
    from expiry
    where at <= coalesce($1, now())
    order by at, job
    limit 500
    for update skip locked
),
place as materialized (
    select due.id, near.source, near.first_id, near.is_fresh
    from due
    cross join lateral (
        (select 'ready' as source, first_id, last_id, attempt = 0 and losses = 0 and not journaled as is_fresh
         from ready where first_id <= due.id and first_id >= due.id / 1000 * 1000 order by first_id desc limit 1)
        union all
        (select 'later', first_id, last_id, attempt = 0 and losses = 0 and not journaled
         from later where first_id <= due.id and first_id >= due.id / 1000 * 1000 order by first_id desc limit 1)
        union all
        (select 'held', first_id, last_id, attempt = 0 and losses = 0 and not journaled and reason in ('planned', 'paused')
         from held where first_id <= due.id and first_id >= due.id / 1000 * 1000 order by first_id desc limit 1)
    ) near
    where near.last_id >= due.id
),
locked as materialized (
    (select 'ready' as source, extent.*, null::text as reason, null::timestamptz as until, '' as who, '' as why
     from (select * from ready where first_id = any (array(select first_id from place where source = 'ready' and is_fresh))
           order by first_id for update skip locked) extent)
    union all
    (select 'later', extent.*, null, null, '', ''
     from (select * from later where first_id = any (array(select first_id from place where source = 'later' and is_fresh))
           order by first_id for update skip locked) extent)
    union all
    (select 'held', extent.*
     from (select first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled, reason, until, who, why
           from held where first_id = any (array(select first_id from place where source = 'held' and is_fresh))
           order by first_id for update skip locked) extent)
),
cut as materialized (
    -- an extent may have been cut between our look and our lock
    select locked.*, (select range_agg(int8range(place.id, place.id, '[]')) from place
                      where place.source = locked.source and place.id between locked.first_id and locked.last_id) as ids
    from locked
),
from_ready as (delete from ready using cut where cut.source = 'ready' and ready.first_id = cut.first_id returning 1),
from_later as (delete from later using cut where cut.source = 'later' and later.first_id = cut.first_id returning 1),
from_held as (delete from held using cut where cut.source = 'held' and held.first_id = cut.first_id returning 1),
gone as materialized (
    -- the rests bear the key of the extent that they come from: it must be gone before they come
    select (select count(*) from from_ready) + (select count(*) from from_later) + (select count(*) from from_held) as extents
),
rest as materialized (
    select cut.*, lower(piece.ids_left) as low, upper(piece.ids_left) - 1 as high
    from gone
    cross join cut
    cross join lateral unnest(int8multirange(int8range(cut.first_id, cut.last_id, '[]')) - cut.ids) as piece (ids_left)
    where gone.extents >= 0
),
to_ready as (
    insert into ready (first_id, last_id, lane, eff, run_at, priority)
    select low, high, lane, eff, run_at, priority from rest where source = 'ready'
),
to_later as (
    insert into later (first_id, last_id, lane, eff, run_at, priority)
    select low, high, lane, eff, run_at, priority from rest where source = 'later'
),
to_held as (
    insert into held (first_id, last_id, lane, eff, run_at, priority, reason, until, who, why)
    select low, high, lane, eff, run_at, priority, reason, until, who, why from rest where source = 'held'
),
ended as (
    insert into outcome (first_id, last_id, tenant, lane, batch, kind, code)
    select lower(range), upper(range) - 1, lane.tenant, cut.lane, nullif(lane.batch, 0), 'expired', 'not_started_in_time'
    from cut
    join lane on lane.id = cut.lane
    cross join lateral unnest(cut.ids) as range
    returning first_id, last_id, batch
),
told as (
    insert into tally (batch, kind, n)
    select batch, 'expired', sum(last_id - first_id + 1) from ended where batch is not null group by batch
),
settled as (
    -- ended, or started by now: nothing to watch. What a worker has may yet come back unstarted.
    delete from expiry using due
    where expiry.job = due.id
      and (exists (select from cut where cut.ids @> due.id)
           or exists (select from place where place.id = due.id and not place.is_fresh)
           or not exists (select from place where place.id = due.id)
              and not exists (select from lease where lease.jobs @> due.id and lease.attempt = 0 and lease.losses = 0
                                                  and not lease.journaled))
    returning expiry.job
),
postponed as (
    update expiry set at = now() + interval '5 seconds'
    from due
    where expiry.job = due.id
      and not exists (select from cut where cut.ids @> due.id)
      and not exists (select from place where place.id = due.id)
      and exists (select from lease where lease.jobs @> due.id and lease.attempt = 0 and lease.losses = 0
                                      and not lease.journaled)
)
select coalesce((select sum(last_id - first_id + 1) from ended), 0)::int8 as "jobs!",
       (select count(*) from due) as "seen!";
