-- How much of what ended lately in this template did this error stop? Counted under the breaker's lock.
-- The blocks of 1,000 ids of the newest twenty such failures stand for the whole: neighbours in number
-- are neighbours in time.
-- Index  breaker_pkey; outcome_stopped, held_stopped backwards; outcome_pkey and held_parked_order for
--        the blocks.
-- Locks  none.
-- Gives  one row: `failures` of all, at most 10,000 a table; `bad` and `ended` in the blocks.
with since as materialized (
    select greatest(now() - make_interval(secs => $4), counted_from) as at
    from breaker where breaker.tenant = $1 and breaker.template = $2
),
own as (
    select first_id, last_id, code, at
    from (
        (select outcome.first_id, outcome.last_id, outcome.lane, outcome.fingerprint, outcome.code, outcome.at
         from outcome
         where outcome.fingerprint is not null and outcome.at > (select at from since)
         order by outcome.at desc
         limit 10000)
        union all
        (select held.first_id, held.last_id, held.lane, held.fingerprint, held.code, held.run_at
         from held
         where held.reason = 'parked' and held.fingerprint is not null and held.run_at > (select at from since)
         order by held.run_at desc
         limit 10000)
    ) stopped
    join lane on lane.id = stopped.lane
    where stopped.fingerprint = $3 and lane.tenant = $1 and lane.template = $2
),
block as materialized (
    select distinct first_id / 1000 * 1000 as first_id
    from (select first_id from own order by at desc limit 20) newest
),
beside as (
    select outcome.last_id - outcome.first_id + 1 as jobs, outcome.fingerprint is not distinct from $3 as is_bad
    from block
    join outcome on outcome.first_id >= block.first_id and outcome.first_id < block.first_id + 1000
    join lane on lane.id = outcome.lane
    where outcome.at > (select at from since) and lane.tenant = $1 and lane.template = $2
    union all
    select held.last_id - held.first_id + 1, held.fingerprint is not distinct from $3
    from block
    join held on held.first_id >= block.first_id and held.first_id < block.first_id + 1000
    join lane on lane.id = held.lane
    where held.reason = 'parked' and held.run_at > (select at from since) and lane.tenant = $1 and lane.template = $2
)
select (select coalesce(sum(last_id - first_id + 1), 0)::int8 from own) as "failures!",
       (select code from own order by at desc limit 1) as "code?",
       (select first_id from own order by at desc, first_id limit 1) as "sample?",
       (select coalesce(sum(jobs), 0)::int8 from beside) as "ended!",
       (select coalesce(sum(jobs) filter (where is_bad), 0)::int8 from beside) as "bad!";
