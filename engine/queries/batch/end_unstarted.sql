-- Ends the jobs of a batch that nobody has begun, planned, due or to come: one row of outcome an extent.
-- Index  lane_batch; held_lane (lane, reason, first_id), ready_lane, later_lane.
-- Locks  the extents in order, under the batch's lock. Due ones that somebody has just now are skipped: they are
--        asked one by one.
-- Gives  how many jobs ended.
with own as materialized (
    select id, tenant from lane where batch = $1 and batch <> 0
),
planned as materialized (
    select held.ctid as place, held.first_id, held.last_id, held.lane, held.attempt, own.tenant
    from own join held on held.lane = own.id and held.reason = 'planned' and not held.journaled
    order by held.first_id
    for update of held
),
due as materialized (
    select ready.ctid as place, ready.first_id, ready.last_id, ready.lane, ready.attempt, own.tenant
    from own join ready on ready.lane = own.id and not ready.journaled
    order by ready.first_id
    for update of ready skip locked
),
to_come as materialized (
    select later.ctid as place, later.first_id, later.last_id, later.lane, later.attempt, own.tenant
    from own join later on later.lane = own.id and not later.journaled
    order by later.first_id
    for update of later skip locked
),
from_held as (delete from held where ctid = any (array(select place from planned))),
from_ready as (delete from ready where ctid = any (array(select place from due))),
from_later as (delete from later where ctid = any (array(select place from to_come))),
ended as (
    insert into outcome (first_id, last_id, tenant, lane, batch, kind, code, attempt)
    select first_id, last_id, tenant, lane, $1, 'cancelled', 'cancelled', attempt
    from (select * from planned union all select * from due union all select * from to_come) extent
    returning last_id - first_id + 1 as jobs
),
told as (
    insert into tally (batch, kind, n) select $1, 'cancelled', sum(jobs) from ended having count(*) > 0
)
select coalesce(sum(jobs), 0)::int8 as "jobs!" from ended;
