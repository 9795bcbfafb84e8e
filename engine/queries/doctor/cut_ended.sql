-- Cuts jobs with ids from $1 to $2 that have an outcome out of `ready`, `later`, `held` and `wait`: a final
-- outcome never changes. Outcomes are never deleted and extents never change, so what was seen still
-- holds once the extent is locked. What batches count is put right by the check of tallies.
-- Index  outcome_pkey, ready_pkey, later_pkey, held_pkey, wait_pkey by range.
-- Locks  the wait rows, then the extents in order of id; skip locked: what is locked is looked at again.
-- Gives  how many extents and rests.
with ended as materialized (
    select first_id / 1000 as block, range_agg(int8range(first_id, last_id, '[]')) as ids
    from outcome
    where first_id between $1 and $2 and last_id >= first_id
    group by first_id / 1000
),
resting as materialized (
    select wait.job, wait.n
    from wait join ended on ended.block = wait.job / 1000
    where wait.job between $1 and $2 and ended.ids @> wait.job
    order by wait.job, wait.n
    for update of wait skip locked
),
woken as (
    delete from wait using resting where wait.job = resting.job and wait.n = resting.n
),
locked as materialized (
    (select 'ready' as source, extent.*
     from (select ready.*, null::text as reason, null::timestamptz as until, '' as who, '' as why, null::text as code,
                  null::text as fingerprint, ended.ids
           from ready join ended on ended.block = ready.first_id / 1000
           where ready.first_id between $1 and $2 and ended.ids && int8range(ready.first_id, ready.last_id, '[]')
           order by ready.first_id for update of ready skip locked) extent)
    union all
    (select 'later', extent.*
     from (select later.*, null::text, null::timestamptz, '', '', null::text, null::text, ended.ids
           from later join ended on ended.block = later.first_id / 1000
           where later.first_id between $1 and $2 and ended.ids && int8range(later.first_id, later.last_id, '[]')
           order by later.first_id for update of later skip locked) extent)
    union all
    (select 'held', extent.*
     from (select held.first_id, held.last_id, held.lane, held.eff, held.run_at, held.priority, held.attempt, held.losses,
                  held.journaled, held.reason, held.until, held.who, held.why, held.code, held.fingerprint, ended.ids
           from held join ended on ended.block = held.first_id / 1000
           where held.first_id between $1 and $2 and ended.ids && int8range(held.first_id, held.last_id, '[]')
           order by held.first_id for update of held skip locked) extent)
),
from_ready as (delete from ready using locked where locked.source = 'ready' and ready.first_id = locked.first_id returning 1),
from_later as (delete from later using locked where locked.source = 'later' and later.first_id = locked.first_id returning 1),
from_held as (delete from held using locked where locked.source = 'held' and held.first_id = locked.first_id returning 1),
gone as materialized (
    -- the rests bear the key of the extent that they come from: it must be gone before they come
    select (select count(*) from from_ready) + (select count(*) from from_later) + (select count(*) from from_held) as extents
),
rest as materialized (
    select locked.*, lower(piece.ids_left) as low, upper(piece.ids_left) - 1 as high
    from gone
    cross join locked
    cross join lateral unnest(int8multirange(int8range(locked.first_id, locked.last_id, '[]')) - locked.ids) as piece (ids_left)
    where gone.extents >= 0
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
select gone.extents + (select count(*) from resting where n = 0) as "rows!" from gone;
