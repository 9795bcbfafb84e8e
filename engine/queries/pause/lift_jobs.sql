-- Ends pauses of single jobs, locked before: what stands still for them goes to the head of its lane,
-- or back to its time where that lies in the future.
-- Index  pause_pkey, held_pkey, ready_lane.
-- Locks  the held rows, in the order of their ids.
with over as materialized (
    delete from pause where id = any ($1) returning job
),
still as materialized (
    select held.*
    from over join held on held.first_id = over.job and held.last_id = over.job
    where held.reason = 'paused'
    order by held.first_id
    for update of held
),
gone as (
    delete from held using still where held.first_id = still.first_id
),
back as (
    insert into ready (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
    select first_id, last_id, lane, least(still.eff, head.eff - interval '1 microsecond'), run_at, priority, attempt, losses, journaled
    from still
    cross join lateral (select min(ready.eff) as eff from ready where ready.lane = still.lane) head
    where run_at <= (select clock_timestamp() + clock_offset from cluster)
),
again as (
    insert into later (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
    select first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled
    from still
    where run_at > (select clock_timestamp() + clock_offset from cluster)
)
select count(*) as "jobs!" from still;
