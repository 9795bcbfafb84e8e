-- Takes a job that no worker has out of its extent; both rests go back. The next holder goes in with the same
-- transaction.
-- Index  the extents' keys: an extent never leaves its block of 1,000 ids.
-- Locks  the one extent that holds the job, waiting for it; its pause is locked, if it has one.
with own as materialized (
    select id from job where id = $2 and tenant = $1
),
near as materialized (
    (select 'ready' as source, extent.*, null::text as reason, null::timestamptz as until, '' as who, '' as why,
            null::text as code, null::text as fingerprint
     from own cross join lateral (
         select ready.ctid as place, ready.* from ready
         where first_id <= own.id and first_id > own.id - 1000
         order by first_id desc limit 1 for update) extent)
    union all
    (select 'later', extent.*, null, null, '', '', null, null
     from own cross join lateral (
         select later.ctid as place, later.* from later
         where first_id <= own.id and first_id > own.id - 1000
         order by first_id desc limit 1 for update) extent)
    union all
    (select 'held', extent.*
     from own cross join lateral (
         select held.ctid as place, first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled,
                held.reason, held.until, held.who, held.why, held.code, held.fingerprint from held
         where first_id <= own.id and first_id > own.id - 1000
         order by first_id desc limit 1 for update) extent)
),
hit as materialized (
    select * from near where last_id >= $2
),
from_ready as (delete from ready where ctid in (select place from hit where source = 'ready') returning 1),
from_later as (delete from later where ctid in (select place from hit where source = 'later') returning 1),
from_held as (delete from held where ctid in (select place from hit where source = 'held') returning 1),
gone as materialized (
    -- the rests bear the key of the extent that they come from: it must be gone before they come
    select (select count(*) from from_ready) + (select count(*) from from_later) + (select count(*) from from_held) as extents
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
    insert into held (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled, reason, until, who, why, code, fingerprint)
    select low, high, lane, eff, run_at, priority, attempt, losses, journaled, reason, until, who, why, code, fingerprint
    from rest where source = 'held'
)
select lane as "lane!", eff as "eff!", run_at as "run_at!", priority as "priority!", attempt as "attempt!", losses as "losses!",
       reason, until, who as "who!", why as "why!", code, fingerprint
from hit join gone on gone.extents = 1;
