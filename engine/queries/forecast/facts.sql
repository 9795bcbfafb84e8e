-- Where does a batch stand, and what bounds it?
-- Index  tally_batch; lane_batch; ready_lane, later_lane, held_lane; limit_use_pkey. Leases and workers are few.
-- Locks  none; one snapshot.
-- Gives  one row.
with own as materialized (
    select id, limits, costs from lane where batch = $1 and batch <> 0
),
told as (
    select coalesce(sum(n) filter (where kind not like 'restarted_%' and kind <> 'chunk_members'), 0)::int8 as settled
    from tally where batch = $1
),
standing as (
    select (select coalesce(sum(upper(r.jobs) - lower(r.jobs)), 0)::int8
            from own join lease on lease.lane = own.id cross join lateral unnest(lease.jobs) as r (jobs)) as leased,
           (select coalesce(sum(last_id - first_id + 1), 0)::int8 from own join ready on ready.lane = own.id)
           + (select coalesce(sum(last_id - first_id + 1), 0)::int8 from own join later on later.lane = own.id)
           + (select coalesce(sum(last_id - first_id + 1), 0)::int8
              from own join held on held.lane = own.id and held.reason <> 'parked') as held
)
select now() as "now!", now() + cluster.clock_offset as "clock!", told.settled as "settled!", standing.leased as "leased!", standing.held as "held!",
       (select sum(slots)::int8 from worker where dead_at is null and not draining and slots > 0) as "slots?",
       (select count(*) from worker where dead_at is null and not draining and slots > 0) as "workers!",
       (select min(limit_use.cap / coalesce(own.costs[array_position(own.limits, limit_use.key)], 1))::int8
        from own join limit_use on limit_use.key = any (own.limits)) as "cap?"
from told, standing, cluster;
