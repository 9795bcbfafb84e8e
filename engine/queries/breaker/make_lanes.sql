-- Makes the lanes of the probes from these lanes: alike in all that dispatch asks for, but in a group of
-- their own, so that no backlog of the group delays them.
-- Index  lane_pkey, lane_probe.
-- Locks  new rows only, in the order of the lanes.
insert into lane (tenant, queue, grp, purpose, template, capability, batch, limit_keys, limits, costs, probe_of)
select tenant, queue, grp || ' probe', purpose, template, capability, batch, limit_keys, limits, costs, id
from lane
where id = any ($1)
order by id
on conflict do nothing;
