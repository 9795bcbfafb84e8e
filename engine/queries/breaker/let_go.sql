-- Lets the oldest due jobs of these lanes go to see: they stand in the lanes of the probes from now on.
-- Index  ready_lane, lane_probe, breaker_probe_pkey.
-- Locks  ready extents, skip locked, under the breaker's row.
-- Gives  one row: how many went.
with candidate as materialized (
    select due.*, lane.id as probe_lane
    from unnest($4::int4[]) wanted (lane)
    join lane on lane.probe_of = wanted.lane
    cross join lateral (
        select ready.ctid as spot, ready.*
        from ready
        where ready.lane = wanted.lane
        order by ready.eff, ready.first_id
        limit $5
        for update skip locked
    ) due
),
picked as materialized (
    select candidate.*, least(last_id, first_id + ($5 - before) - 1) as upto
    from (
        select candidate.*,
               (coalesce(sum(last_id - first_id + 1)
                   over (order by eff, first_id rows between unbounded preceding and 1 preceding), 0))::int8 as before
        from candidate
    ) candidate
    where before < $5
),
gone as (
    delete from ready where ctid = any (array(select spot from picked)) returning first_id
),
rest as (
    insert into ready (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
    select upto + 1, last_id, lane, eff, run_at, priority, attempt, losses, journaled
    from picked where upto < last_id
),
-- the same first id in the same table: only after the row is gone
went as (
    insert into ready (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
    select first_id, upto, probe_lane, eff, run_at, priority, attempt, losses, journaled
    from picked join gone using (first_id)
),
noted as (
    insert into breaker_probe (tenant, template, job, round)
    select $1, $2, id, $3
    from picked cross join lateral generate_series(first_id, upto) id
    order by id
    on conflict (tenant, template, job) do update set round = excluded.round, verdict = null, at = now()
)
select coalesce(sum(upto - first_id + 1), 0)::int8 as "jobs!" from picked;
