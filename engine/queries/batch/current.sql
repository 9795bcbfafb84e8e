-- How many jobs of this batch are due and under way?
-- Index  lane_batch, ready_lane, held_lane; leases are few. The release window bounds what is due.
-- Locks  none.
-- Gives  one row.
with own as materialized (
    select id from lane where batch = $1 and batch <> 0
)
select (select coalesce(sum(r.last_id - r.first_id + 1), 0)::bigint
        from own cross join lateral (select first_id, last_id from ready where lane = own.id offset 0) r) as "ready!",
       (select coalesce(sum(upper(r.jobs) - lower(r.jobs)), 0)::bigint
        from own join lease l on l.lane = own.id cross join lateral unnest(l.jobs) as r(jobs)) as "running!",
       (select coalesce(sum(h.last_id - h.first_id + 1), 0)::bigint
        from own cross join lateral (
            select first_id, last_id from held where lane = own.id and reason = 'parked' offset 0) h) as "parked!";
