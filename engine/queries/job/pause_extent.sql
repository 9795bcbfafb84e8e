-- Holds a paused job that no worker has: it is cut out of its extent, both rests go back.
-- Index  pause_job; the extents' keys: an extent never leaves its block of 1,000 ids.
-- Locks  the pause, so that its end comes after or before; the one extent that holds the job, waiting for it.
with own as materialized (
    select job as id, who, why, until from pause where tenant = $1 and job = $2 for key share
),
near as materialized (
    (select 'ready' as source, extent.*
     from own cross join lateral (
         select ready.ctid as place, ready.* from ready
         where first_id <= own.id and first_id > own.id - 1000
         order by first_id desc limit 1 for update) extent)
    union all
    (select 'later', extent.*
     from own cross join lateral (
         select later.ctid as place, later.* from later
         where first_id <= own.id and first_id > own.id - 1000
         order by first_id desc limit 1 for update) extent)
),
hit as materialized (
    select * from near where last_id >= $2
),
from_ready as (delete from ready where ctid in (select place from hit where source = 'ready') returning 1),
from_later as (delete from later where ctid in (select place from hit where source = 'later') returning 1),
gone as materialized (
    -- the rests bear the key of the extent that they come from: it must be gone before they come
    select (select count(*) from from_ready) + (select count(*) from from_later) as extents
),
rest as materialized (
    select hit.*, side.low, side.high
    from hit
    join gone on gone.extents = 1
    cross join lateral (values (hit.first_id, $2 - 1), ($2 + 1, hit.last_id)) side (low, high)
    where side.low <= side.high
),
to_ready as (
    insert into ready (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
    select low, high, lane, eff, run_at, priority, attempt, losses, journaled from rest where source = 'ready'
),
to_later as (
    insert into later (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
    select low, high, lane, eff, run_at, priority, attempt, losses, journaled from rest where source = 'later'
),
to_held as (
    insert into held (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled, reason, until, who, why)
    select $2, $2, lane, eff, run_at, priority, attempt, losses, journaled, 'paused', own.until, own.who, own.why
    from hit cross join own join gone on gone.extents = 1
)
select exists (select from hit) as "hit!";
