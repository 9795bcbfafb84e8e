-- Which lanes have due work and room for it, what may they get, and how much is in flight elsewhere?
-- Index  ready_lane, backwards, one descent a lane: a loose scan, however many rows a lane has. It comes
--        from the tail of each lane, since the entries of claimed work are at its head;
--        share_pkey; pause_lane; limit_use_pkey for lanes with limits. Leases are read only while a
--        share has bounds, workers and the head of a lane only for one that prefers other workers.
-- Locks  none. Paused lanes and lanes whose limit is full are left out: blocked means not visited.
-- Gives  `room`, how many jobs the limits of a lane admit now, null without limits; `opens_in`, the
--        seconds until a key of it has its next token, null when that is not what it waits for; `ripe`, how
--        many jobs at its head have waited for a worker that they prefer as long as such jobs do ($2), null
--        for a lane that prefers nobody but this worker, or nobody who lives; `ripens_in`, the seconds until
--        one more has.
with recursive step as (
    (select lane from ready order by lane desc, eff desc, first_id desc limit 1)
    union all
    select (select ready.lane from ready
            where ready.lane < step.lane
            order by ready.lane desc, ready.eff desc, ready.first_id desc limit 1)
    from step
    where step.lane is not null
),
me as materialized (select capabilities from worker where id = $1),
flight as materialized (
    select lane.tenant, lane.grp, lane.queue, sum(upper(range) - lower(range))::int8 as jobs
    from lease
    join lane on lane.id = lease.lane
    cross join lateral unnest(lease.jobs) as range
    where lease.worker <> $1
      and (select exists (select from share where minimum > 0 or maximum is not null))
    group by lane.tenant, lane.grp, lane.queue
)
select lane.id, lane.grp, lane.queue, lane.weight * lane.own_weight as "weight!", lane.capability,
       coalesce(own.weight, 1) as "group_weight!", coalesce(own.minimum, 0) as "group_minimum!",
       own.maximum as "group_maximum?",
       coalesce(stream.weight, 1) as "queue_weight!", coalesce(stream.minimum, 0) as "queue_minimum!",
       stream.maximum as "queue_maximum?",
       coalesce((select sum(jobs) from flight where flight.tenant = lane.tenant and flight.grp = lane.grp), 0)::int8
           as "group_elsewhere!",
       coalesce((select sum(jobs) from flight where flight.tenant = lane.tenant and flight.queue = lane.queue), 0)::int8
           as "queue_elsewhere!",
       gate.room as "room?", gate.opens_in as "opens_in?", coalesce(gate.paced, false) as "paced!",
       others.ripe as "ripe?", others.ripens_in as "ripens_in?"
from step
join lane on lane.id = step.lane
left join share own on own.tenant = lane.tenant and own.kind = 'group' and own.name = lane.grp
left join share stream on stream.tenant = lane.tenant and stream.kind = 'queue' and stream.name = lane.queue
left join lateral (
    select min(case when use.hold_until > now() then 0
                    else least(use.cap - use.used, floor(refill.tokens)::int4) / each.cost end) as room,
           max(greatest(extract(epoch from use.hold_until - now())::float8,
                        (each.cost - refill.tokens) / use.rate)) as opens_in,
           bool_or(use.rate is not null) as paced,
           coalesce(bool_or(use.used > use.cap - each.cost), false) as is_full
    from limit_use use
    cross join lateral (
        select case when use.rate is not null
                    then least(use.burst, use.tokens + use.rate * greatest(0, extract(epoch from now() - use.refilled_at)::float8))
               end as tokens
    ) refill
    cross join lateral (
        select coalesce(lane.costs[array_position(lane.limits, use.key)], 1) as cost
    ) each
    where use.key = any (lane.limits)
) gate on lane.limits <> '{}'
left join lateral (
    select case when count(*) > 0 then coalesce(sum(jobs) filter (where age >= $2), 0)::int8 end as ripe,
           extract(epoch from $2 - max(age))::float8 as ripens_in
    from (
        select last_id - first_id + 1 as jobs, now() + (select clock_offset from cluster) - run_at as age
        from ready
        where ready.lane = lane.id
          -- what is preferred is beyond us, and not beyond everybody
          and strpos(lane.capability, '?') > 0
          and not string_to_array(replace(lane.capability, '?', ''), ',') <@ (select capabilities from me)
          and exists (select from worker better
                      where better.dead_at is null and not better.draining
                        and string_to_array(replace(lane.capability, '?', ''), ',') <@ better.capabilities)
        order by ready.eff, ready.first_id
        limit 100
    ) head
) others on true
where (select count(*) from lane_pause where lane_pause.lane = lane.id) = 0
  and gate.is_full is not true
order by lane.id;
