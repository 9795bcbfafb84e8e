-- Cancels a job that no worker has and that waits for nothing but its turn: it is cut out of its
-- extent, both rests go back, and it ends at once, or, if it has a journal, is ordered to end itself.
-- Killed ($5), it ends at once in any case.
-- Index  the extents' keys: an extent never leaves its block of 1,000 ids.
-- Locks  the one extent that holds the job, waiting for it.
with own as materialized (
    select id, tenant, lane, batch from job where id = $2 and tenant = $1
),
near as materialized (
    (select 'ready' as source, extent.*, null::text as reason, null::timestamptz as until, '' as who, '' as why
     from own cross join lateral (
         select ready.ctid as place, ready.* from ready
         where first_id <= own.id and first_id > own.id - 1000
         order by first_id desc limit 1 for update) extent)
    union all
    (select 'later', extent.*, null, null, '', ''
     from own cross join lateral (
         select later.ctid as place, later.* from later
         where first_id <= own.id and first_id > own.id - 1000
         order by first_id desc limit 1 for update) extent)
    union all
    (select 'held', extent.*
     from own cross join lateral (
         select held.ctid as place, first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled,
                held.reason, held.until, held.who, held.why from held
         where first_id <= own.id and first_id > own.id - 1000
         order by first_id desc limit 1 for update) extent)
),
hit as materialized (
    select near.*, journaled and not $5 as goes_on from near where last_id >= $2
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
    union all
    select $2, $2, lane, eff, now(), priority, attempt, losses, true
    from hit join gone on gone.extents = 1 where goes_on
),
to_later as (
    insert into later (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
    select low, high, lane, eff, run_at, priority, attempt, losses, journaled from rest where source = 'later'
),
to_held as (
    insert into held (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled, reason, until, who, why)
    select low, high, lane, eff, run_at, priority, attempt, losses, journaled, reason, until, who, why from rest where source = 'held'
),
ordered as (
    insert into inbox (job, kind, data) select $2, 'order', $3 from hit where goes_on
),
ended as (
    insert into outcome (first_id, last_id, tenant, lane, batch, kind, code, attempt, result)
    select $2, $2, own.tenant, own.lane, own.batch, 'cancelled', case when $5 then 'killed' else 'cancelled' end, hit.attempt, $4
    from hit cross join own where not hit.goes_on
),
told as (
    insert into tally (batch, kind, n)
    select own.batch, 'cancelled', 1 from hit cross join own where own.batch is not null and not hit.goes_on
    union all
    select own.batch, 'parked', -1 from hit cross join own where own.batch is not null and hit.reason = 'parked'
),
unread as (
    delete from inbox where job = $2 and kind = 'order' and exists (select from hit where not goes_on)
),
fulfilled as (
    delete from intent where job = $2 and verb = 'cancel' and exists (select from hit where not goes_on)
)
select exists (select from hit) as "hit!", coalesce((select goes_on from hit), false) as "goes_on!";
