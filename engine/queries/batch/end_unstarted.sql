-- Ends jobs of a cancelled batch that nobody has begun, due, to come or planned: one row of outcome an extent, up to $2
-- extents of each.
-- Index  lane_batch; held_lane (lane, reason, first_id), ready_lane, later_lane, each from the front of a lane.
-- Locks  the extents lane by lane in order, under the batch's lock. Due ones that somebody has just now are skipped:
--        they are asked one by one.
-- Gives  whether that was all.
with own as materialized (
    select id, tenant from lane where batch = $1 and batch <> 0
),
due as materialized (
    select extent.*, own.tenant
    from own
    cross join lateral (
        select ready.ctid as place, first_id, last_id, lane, attempt
        from ready
        where ready.lane = own.id and not ready.journaled
        order by ready.eff, ready.first_id
        limit $2
        for update skip locked
    ) extent
    limit $2
),
to_come as materialized (
    select extent.*, own.tenant
    from own
    cross join lateral (
        select later.ctid as place, first_id, last_id, lane, attempt
        from later
        where later.lane = own.id and not later.journaled
        limit $2
        for update skip locked
    ) extent
    limit $2
),
planned as materialized (
    select extent.*, own.tenant
    from own
    cross join lateral (
        select held.ctid as place, first_id, last_id, lane, attempt
        from held
        where held.lane = own.id and held.reason = 'planned' and not held.journaled
        order by held.first_id
        limit $2
        for update
    ) extent
    limit $2
),
from_ready as (delete from ready where ctid = any (array(select place from due))),
from_later as (delete from later where ctid = any (array(select place from to_come))),
from_held as (delete from held where ctid = any (array(select place from planned))),
ended as (
    insert into outcome (first_id, last_id, tenant, lane, batch, kind, code, attempt)
    select first_id, last_id, tenant, lane, $1, 'cancelled', 'cancelled', attempt
    from (select * from due union all select * from to_come union all select * from planned) extent
    returning last_id - first_id + 1 as jobs
),
told as (
    insert into tally (batch, kind, n) select $1, 'cancelled', sum(jobs) from ended having count(*) > 0
)
select greatest((select count(*) from due), (select count(*) from to_come), (select count(*) from planned)) < $2
       as "is_all!";
