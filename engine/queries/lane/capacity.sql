-- Could anybody work for this lane now?
-- Index  lane_pkey; workers are few.
-- Locks  none.
-- Gives  one row.
select n.queue, n.grp, n.capability,
       (select count(*) from worker w
        where w.dead_at is null and w.seen > now() - $2::interval) as "workers!",
       (select count(*) from worker w
        where w.dead_at is null and w.seen > now() - $2::interval and not w.draining
          and (n.capability = '' or string_to_array(n.capability, ',') <@ w.capabilities)) as "able!"
from lane n
where n.id = $1;
