-- How many jobs of this lane are due and under way?
-- Index  ready_lane, held_lane; leases are few. The release window bounds what is due.
-- Locks  none.
-- Gives  one row.
select (select coalesce(sum(r.last_id - r.first_id + 1), 0)::bigint from ready r where r.lane = $1) as "ready!",
       (select coalesce(sum(upper(r.jobs) - lower(r.jobs)), 0)::bigint
        from lease l cross join lateral unnest(l.jobs) as r(jobs) where l.lane = $1) as "running!",
       (select coalesce(sum(h.last_id - h.first_id + 1), 0)::bigint
        from held h where h.lane = $1 and h.reason = 'parked') as "parked!";
