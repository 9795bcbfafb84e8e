-- Takes a job that nobody has started out of its extent: it ends as replaced by $2, or, without $2, is
-- put back to start at $3.
-- Index  ready_pkey, later_pkey: an extent never leaves its block of 1,000 ids.
-- Locks  the one extent, skip locked: the caller holds a key, and who locks an extent may want that key.
-- Gives  when it was to run; no row when somebody has it, or may have it in a moment.
with near as materialized (
    (select 'ready' as source, extent.*
     from (select * from ready where first_id <= $1 and first_id >= $1 / 1000 * 1000
           order by first_id desc limit 1 for update skip locked) extent)
    union all
    (select 'later', extent.*
     from (select * from later where first_id <= $1 and first_id >= $1 / 1000 * 1000
           order by first_id desc limit 1 for update skip locked) extent)
),
hit as materialized (
    select near.*, coalesce($3, now()) as again
    from near
    where last_id >= $1 and attempt = 0 and losses = 0 and not journaled
),
from_ready as (
    delete from ready using hit where hit.source = 'ready' and ready.first_id = hit.first_id returning 1
),
from_later as (
    delete from later using hit where hit.source = 'later' and later.first_id = hit.first_id returning 1
),
gone as materialized (
    -- the rests bear the key of the extent that they come from: it must be gone before they come
    select (select count(*) from from_ready) + (select count(*) from from_later) as extents
),
piece as materialized (
    select side.low, side.high, hit.source = 'ready' as is_due, hit.lane, hit.eff, hit.run_at, hit.priority
    from hit
    join gone on gone.extents = 1
    cross join lateral (values (hit.first_id, $1 - 1), ($1 + 1, hit.last_id)) side (low, high)
    where side.low <= side.high
    union all
    select $1, $1, again <= now(), lane, again - make_interval(secs => priority), again, priority
    from hit
    join gone on gone.extents = 1
    where $2::int8 is null
),
to_ready as (
    insert into ready (first_id, last_id, lane, eff, run_at, priority)
    select low, high, lane, eff, run_at, priority from piece where is_due
),
to_later as (
    insert into later (first_id, last_id, lane, eff, run_at, priority)
    select low, high, lane, eff, run_at, priority from piece where not is_due
),
moved as (
    update request set start_at = $3 from hit where request.job = $1 and $2::int8 is null
),
ended as (
    insert into outcome (first_id, last_id, tenant, lane, batch, kind, code, result)
    select job.id, job.id, job.tenant, job.lane, job.batch, 'cancelled', 'replaced', $4
    from hit
    join gone on gone.extents = 1
    join job on job.id = $1
    where $2 is not null
),
forgotten as (
    delete from expiry using hit where expiry.job = $1 and $2::int8 is not null
)
select hit.run_at as "run_at!" from hit join gone on gone.extents = 1;
