-- Brings what the breaker of this template let go back to the lane that it came from, unless a worker has
-- it: from there it is held, shown and redriven like all the others.
-- Index  lane_probe, breaker_probe_pkey, ready_lane, later_lane, held_lane, wait_pkey.
-- Locks  the holders' rows, skip locked, under the breaker's row.
-- Gives  one row: how many rows came back.
with home as materialized (
    select lane.id, lane.probe_of
    from breaker_probe probe
    cross join lateral (select lane from job where job.id = probe.job offset 0) job
    join lane on lane.probe_of = job.lane
    where probe.tenant = $1 and probe.template = $2
    group by lane.id, lane.probe_of
),
due as materialized (
    select ready.ctid as spot, ready.*, home.probe_of
    from home join ready on ready.lane = home.id order by ready.first_id for update of ready skip locked
),
due_gone as (
    delete from ready where ctid = any (array(select spot from due)) returning first_id
),
due_back as (
    insert into ready (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
    select first_id, last_id, probe_of, eff, run_at, priority, attempt, losses, journaled from due join due_gone using (first_id)
),
again as materialized (
    select later.ctid as spot, later.*, home.probe_of
    from home join later on later.lane = home.id order by later.first_id for update of later skip locked
),
again_gone as (
    delete from later where ctid = any (array(select spot from again)) returning first_id
),
again_back as (
    insert into later (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
    select first_id, last_id, probe_of, eff, run_at, priority, attempt, losses, journaled from again join again_gone using (first_id)
),
still as materialized (
    select held.ctid as spot, held.*, home.probe_of
    from home join held on held.lane = home.id order by held.first_id for update of held skip locked
),
still_gone as (
    delete from held where ctid = any (array(select spot from still)) returning first_id
),
still_back as (
    insert into held (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled, reason, until, who, why,
                      code, fingerprint)
    select first_id, last_id, probe_of, eff, run_at, priority, attempt, losses, journaled, reason, until, who, why, code, fingerprint
    from still join still_gone using (first_id)
),
resting as materialized (
    select wait.job, wait.n, home.probe_of
    from breaker_probe probe
    join wait on wait.job = probe.job
    join home on home.id = wait.lane
    where probe.tenant = $1 and probe.template = $2
    order by wait.job, wait.n
    for update of wait skip locked
),
moved as (
    update wait set lane = resting.probe_of
    from resting
    where wait.job = resting.job and wait.n = resting.n
)
select (select count(*) from due) + (select count(*) from again) + (select count(*) from still)
       + (select count(*) from resting) as "rows!";
