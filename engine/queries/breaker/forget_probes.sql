-- Forgets the probes of a breaker once all of them are back: no worker has one, no holder stands in their
-- lanes.
-- Index  breaker_probe_pkey, lane_probe, ready_lane, later_lane, held_lane.
-- Locks  the probes, under the breaker's row.
delete from breaker_probe
where breaker_probe.tenant = $1 and breaker_probe.template = $2
  and not exists (
      select from breaker_probe probe
      cross join lateral (select lane from job where job.id = probe.job offset 0) job
      join lane on lane.probe_of = job.lane
      where probe.tenant = $1 and probe.template = $2
        and (exists (select from lease where lease.lane = lane.id)
             or exists (select from ready where ready.lane = lane.id)
             or exists (select from later where later.lane = lane.id)
             or exists (select from held where held.lane = lane.id)
             or exists (select from wait where wait.job = probe.job and wait.lane = lane.id)));
