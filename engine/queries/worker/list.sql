-- Which workers are there, alive or recently dead, and what do they hold?
-- Index  lease_worker; workers are few, and retention removes the dead.
-- Locks  none.
-- Gives  the living first, newest incarnation first.
select w.id, w.seen, w.started_at, w.dead_at, w.draining, w.slots, w.version, w.host, w.roles, w.capabilities,
       (w.dead_at is null and w.seen > now() - $1::interval) as "alive!",
       coalesce(h.leases, 0) as "leases!",
       coalesce(h.jobs, 0)::bigint as "jobs!"
from worker w
left join lateral (
    select count(*) as leases,
           sum((select sum(upper(r.jobs) - lower(r.jobs)) from unnest(l.jobs) as r(jobs))) as jobs
    from lease l where l.worker = w.id) h on true
where $2::uuid is null or w.id = $2
order by (w.dead_at is null and w.seen > now() - $1::interval) desc, w.started_at desc
limit $3;
