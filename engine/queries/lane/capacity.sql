-- Could anybody work for this lane now, and is anything of it ahead?
-- Index  lane_pkey, ready_lane; workers are few.
-- Locks  none.
-- Gives  one row.
select n.queue, n.capability,
       (select count(*) from worker w
        where w.dead_at is null and w.seen > now() - $2::interval) as "workers!",
       (select count(*) from worker w
        where w.dead_at is null and w.seen > now() - $2::interval and not w.draining
          and (n.capability = '' or n.capability = any(w.capabilities))) as "able!",
       (select min(r.eff) from ready r where r.lane = n.id) as "oldest?"
from lane n
where n.id = $1;
