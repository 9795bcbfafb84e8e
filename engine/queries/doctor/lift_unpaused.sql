-- Lets jobs go on that are held for a pause that is not there; a pause that somebody makes meanwhile holds
-- them again.
-- Index  held_lane (lane, reason, first_id), lane by lane; pause_job; held_pkey.
-- Locks  the held rows in order of id, skip locked.
-- Gives  how many.
with candidate as materialized (
    select held.first_id
    from lane join held on held.lane = lane.id and held.reason = 'paused'
    where not exists (select from pause where pause.job is not null and pause.job = held.first_id)
    limit 1000
),
still as materialized (
    select held.*
    from held
    where held.first_id = any (array(select first_id from candidate)) and held.reason = 'paused'
    order by held.first_id
    for update skip locked
),
gone as (
    delete from held using still where held.first_id = still.first_id
),
back as (
    insert into ready (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
    select first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled
    from still
    where run_at <= (select now() + clock_offset from cluster)
),
again as (
    insert into later (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
    select first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled
    from still
    where run_at > (select now() + clock_offset from cluster)
)
select count(*) as "rows!" from still;
