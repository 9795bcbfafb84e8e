-- Could anybody work for this lane now, and do those live whom it prefers?
-- Index  lane_pkey; workers are few.
-- Locks  none.
-- Gives  one row; `preferred` is 0 too where it prefers nobody.
select n.queue, n.grp, need.hard as "capability!", need.soft as "preference!", n.limit_keys,
       (select count(*) from worker w
        where w.dead_at is null and w.seen > now() - $2::interval) as "workers!",
       (select count(*) from worker w
        where w.dead_at is null and w.seen > now() - $2::interval and not w.draining
          and (need.hard = '' or string_to_array(need.hard, ',') <@ w.capabilities)) as "able!",
       (select count(*) from worker w
        where need.soft <> '' and w.dead_at is null and w.seen > now() - $2::interval and not w.draining
          and string_to_array(replace(n.capability, '?', ''), ',') <@ w.capabilities) as "preferred!",
       now() + (select clock_offset from cluster) as "now!"
from lane n
cross join lateral (
    select rtrim(split_part(n.capability, '?', 1), ',') as hard,
           replace(substr(n.capability, nullif(strpos(n.capability, '?'), 0)), '?', '') as soft
) maybe
cross join lateral (select maybe.hard, coalesce(maybe.soft, '') as soft) need
where n.id = $1;
