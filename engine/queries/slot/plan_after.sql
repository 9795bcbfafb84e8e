-- Writes the next slot of a schedule that counts from the end of its last job: so long after that, or, where the last
-- slot started none, after it was decided; the first one now ($3).
-- Index  slot_pkey, read backwards; schedule_pkey; the key of outcome and of held, one step back in the block.
-- Locks  the schedule's row, held already; the new slot.
with last as materialized (
    select coalesce(until, at) as at, job, decided_at from slot
    where tenant = $1 and schedule = $2 and state <> 'planned'
    order by slot.at desc limit 1
),
over as (
    select last.at,
           greatest(last.decided_at,
                    (select near.at from (select last_id, at from outcome
                                          where first_id <= last.job and first_id >= last.job / 1000 * 1000
                                          order by first_id desc limit 1) near
                     where near.last_id >= last.job),
                    (select near.run_at from (select last_id, reason, run_at from held
                                              where first_id <= last.job and first_id >= last.job / 1000 * 1000
                                              order by first_id desc limit 1) near
                     where near.last_id >= last.job and near.reason = 'parked')) + (select clock_offset from cluster) as ended_at
    from last
),
next as materialized (
    update schedule
    set planned_until = coalesce(
        (select greatest(over.ended_at + make_interval(secs => schedule.after_seconds), over.at + interval '1 millisecond') from over),
        $3)
    where tenant = $1 and name = $2
    returning planned_until as at, revision
)
insert into slot (tenant, schedule, at, fire_at, revision, zone_data, state)
select $1, $2, at, at, revision, '', 'planned' from next
on conflict (tenant, schedule, at) do nothing;
