-- The narrow form of `exchange.sql` for the case that fills a worker's day: jobs that end or go on to
-- their next step, with no stop, no head and no held key.
--
-- Settling: endings come in runs of consecutive jobs of one lease. A run lands whole or not at all,
-- judged by the locked row, and with it the last turns of its jobs; the turn of a job that goes on is
-- judged alone. What did not land is sent again in the full form, which judges each job.
-- Claiming: due extents of the chosen lanes, oldest first, whole or split; the rest goes back as a new
-- extent, because extents are immutable. One lease row a kind of job, answered with its jobs as arrays.
-- Lanes that nobody looked at ($27) are judged here, as `lane/discover.sql` would. In a lane it begins at
-- the floor that the caller knows, if any: what lies before is dead or was looked at a moment ago. A job
-- that was lost twice is claimed alone, by a worker that holds no other job that was ever lost; and a
-- worker that holds one takes none that was lost before. So poison is told from its neighbours
-- (`expire.sql`).
-- Limits: each key's counter is locked, decided from as locked, and changed once, by what landed runs free
-- and the claim takes; one that gives as much as it takes is not written. A lane is given the least room of
-- all its keys: what is free over what one job takes. Wanted lanes that share a key: each one's part is
-- what the earlier ones could not take at most.
--
-- Index  lease_pkey; lease_worker, only if a due job was ever lost; limit_use_pkey; ready_lane; job_pkey;
--        the journal's and the outcome's keys reject a second entry.
-- Locks  leases in (claim, n) order; then counters that are given back to in key order; then, never
--        waiting, counters that are only taken from, and ready extents.
-- Gives  a row per kind of claimed job, with its earliest `eff` and the seconds until its lane gave a first
--        extent; then one row with `n` null: how many extents were looked at and taken from, which runs
--        did not land, and which jobs' turns.
with run as materialized (
    select *
    from unnest($1::int8[], $2::int8[], $3::int4[], $4::text[], $5::text[], $6::text[], $7::bool[])
         with ordinality run (first_id, last_id, k, outcome, code, fingerprint, is_bare, place)
),
locked as materialized (
    select wanted.k, wanted.first_run, lease.claim, lease.n, lease.lane, lease.attempt, lease.jobs, lease.stop,
           lane.tenant, nullif(lane.batch, 0) as batch, lane.limits, lane.costs
    from unnest($8::uuid[], $9::int2[], $19::int8[]) with ordinality wanted (claim, n, first_run, k)
    join lease on lease.claim = wanted.claim and lease.n = wanted.n
    join lane on lane.id = lease.lane
    order by lease.claim, lease.n
    for update of lease
),
judged as materialized (
    -- what a lease has is long: it goes with its first run alone
    select run.*, locked.claim, locked.n, locked.lane, locked.attempt, locked.tenant, locked.batch,
           case when run.place = locked.first_run then locked.jobs end as jobs,
           case when run.place = locked.first_run then locked.limits end as limits,
           case when run.place = locked.first_run then locked.costs end as costs,
           coalesce(locked.jobs @> int8range(run.first_id, run.last_id, '[]')
                    and not locked.stop && int8range(run.first_id, run.last_id, '[]'), false) as lands
    from run
    left join locked on locked.k = run.k
),
landed as materialized (
    select place, first_id, last_id, outcome, code, fingerprint, is_bare, claim, lane, attempt, tenant, batch
    from judged where lands
),
leaving as materialized (
    select claim, n, (array_agg(jobs) filter (where jobs is not null))[1] as jobs,
           range_agg(int8range(first_id, last_id, '[]')) filter (where lands) as cut
    from judged
    group by claim, n
    having bool_or(lands)
),
emptied as (
    delete from lease using leaving
    where lease.claim = leaving.claim and lease.n = leaving.n and leaving.jobs <@ leaving.cut
),
shrunk as (
    update lease set jobs = leaving.jobs - leaving.cut
    from leaving
    where lease.claim = leaving.claim and lease.n = leaving.n and not leaving.jobs <@ leaving.cut
),
ended as (
    insert into outcome (first_id, last_id, tenant, lane, batch, kind, code, fingerprint, attempt, claim, result)
    select entry.job, entry.job, tenant, lane, batch, outcome, code, fingerprint, attempt, claim, entry.result
    from unnest($10::int8[], $11::int8[], $12::text[]) entry (job, place, result)
    join landed on landed.place = entry.place
    union all
    select first_id, last_id, tenant, lane, batch, outcome, code, fingerprint, attempt, claim, null
    from landed where is_bare
),
turn as materialized (
    select turn.job, turn.seq, turn.kind, turn.at, locked.claim, turn.data
    from unnest($20::int8[], $21::int4[], $22::int8[], $23::int4[], $24::text[], $25::timestamptz[], $26::text[])
         turn (job, k, place, seq, kind, at, data)
    join locked on locked.k = turn.k
    where case when turn.place > 0 then turn.place in (select place from landed)
               else locked.jobs @> turn.job and not locked.stop @> turn.job end
),
journaled as (
    insert into journal (job, seq, kind, at, claim, data)
    select job, seq, kind, at, claim, data from turn
),
told as (
    insert into tally (batch, kind, n)
    select batch, outcome, sum(last_id - first_id + 1)
    from landed
    where batch is not null
    group by batch, outcome
),
freed as materialized (
    select key, sum(size * coalesce(cost, 1))::int4 as n
    from (
        select sum(last_id - first_id + 1) filter (where lands) as size,
               max(limits) as limits, max(costs) as costs
        from judged group by claim, n
    ) gone
    cross join lateral unnest(limits, costs) as part (key, cost)
    where size > 0
    group by key
),
wanted as materialized (
    select wanted.lane, wanted.quota, wanted.o, lane.limits, lane.costs,
           coalesce(wanted.floor_eff, '-infinity') as floor_eff, coalesce(wanted.floor_id, 0) as floor_id
    from unnest($15::int4[], $16::int4[], $28::timestamptz[], $29::int8[])
         with ordinality wanted (lane, quota, floor_eff, floor_id, o)
    join lane on lane.id = wanted.lane
    -- the list that a pump goes by may be older than a pause
    where not exists (select from lane_pause where lane_pause.lane = lane.id)
      and (not $27
           or lane.limits = '{}'
              and not exists (select from share where share.tenant = lane.tenant and (minimum > 0 or maximum is not null))
              and (lane.capability = ''
                   or string_to_array(lane.capability, ',') <@ (select capabilities from worker where id = $14)))
),
wanted_key as materialized (
    select o, key, coalesce(cost, 1) as cost, quota
    from wanted cross join lateral unnest(limits, costs) as part (key, cost)
),
settled_use as materialized (
    select *
    from limit_use
    where key = any (array(select key from freed))
    order by key
    for update
),
wanted_use as materialized (
    select *
    from limit_use
    where key = any (array(select key from wanted_key except select key from freed))
      -- whoever waits for a counter holds none of these yet
      and (select count(*) from settled_use) >= 0
    order by key
    for update skip locked
),
counter as materialized (
    select held.key, coalesce(freed.n, 0) as freed, held.used, held.rate, refill.tokens,
           greatest(held.refilled_at, now()) as refilled_at,
           case when held.hold_until > now() then 0
                else greatest(0, least(2147483647, coalesce(held.cap, 2147483647)::int8 - held.used + coalesce(freed.n, 0),
                                       case when held.rate is not null then floor(refill.tokens)::int8 end))::int4
           end as room
    from (select * from settled_use union all select * from wanted_use) held
    left join freed on freed.key = held.key
    cross join lateral (
        select case when held.rate is null then held.tokens
                    else least(held.burst, held.tokens + held.rate * greatest(0, extract(epoch from now() - held.refilled_at)::float8))
               end as tokens
    ) refill
),
bounded as materialized (
    -- a key whose counter somebody else has gives nothing
    select o, least(min(wanted_key.quota), min(coalesce(counter.room / wanted_key.cost, 0))) as bound
    from wanted_key
    left join counter on counter.key = wanted_key.key
    group by o
),
shared as materialized (
    -- lanes that share a key: each one's part is what the earlier ones could not take at most
    select o, min(room) as room
    from (
        select bounded.o,
               (counter.room - coalesce(sum(bounded.bound * wanted_key.cost) over (
                   partition by counter.key order by bounded.o rows between unbounded preceding and 1 preceding), 0))
               / wanted_key.cost as room
        from bounded
        join wanted_key on wanted_key.o = bounded.o
        join counter on counter.key = wanted_key.key
    ) part
    group by o
),
granted as materialized (
    select wanted.o, wanted.lane, wanted.floor_eff, wanted.floor_id, clock_timestamp() as began,
           case when wanted.limits = '{}' then wanted.quota
                else greatest(0, least(bounded.bound, shared.room))::int4 end as quota
    from wanted
    left join bounded on bounded.o = wanted.o
    left join shared on shared.o = wanted.o
),
candidate as materialized (
    select wanted.o, wanted.quota, due.*, clock_timestamp() - wanted.began as walked
    from granted wanted
    cross join lateral (
        select ready.ctid as spot, ready.*
        from ready
        where ready.lane = wanted.lane
          and (ready.eff, ready.first_id) >= (wanted.floor_eff, wanted.floor_id)
          and (ready.losses = 0
               or ready.losses <= $18
                  and (select coalesce(max(lease.losses), 0) from lease where lease.worker = $14)
                      < case when ready.losses = 1 then 2 else 1 end)
        order by ready.eff, ready.first_id
        limit least($17::int8, wanted.quota)
        for update skip locked
    ) due
    where wanted.quota > 0 and exists (select from worker where worker.id = $14 and worker.dead_at is null)
),
looked as materialized (
    select coalesce(sum(extents), 0)::int8 as extents, coalesce(bool_and(is_taken), true) as is_taken
    from (
        select count(*) as extents, sum((last_id - first_id + 1)::int4) <= min(quota) and max(losses) < 2 as is_taken
        from candidate group by o
    ) lane
),
picked as materialized (
    -- small extents are taken as they come, up to their number; only a claim that must cut one puts them in order
    select candidate.*, last_id as upto from candidate where (select is_taken from looked)
    union all
    select o, quota, spot, first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled, walked,
           least(last_id, first_id + (quota - before) - 1) as upto
    from (
        select candidate.*,
               (coalesce(sum(last_id - first_id + 1)
                   over (partition by o order by eff, first_id rows between unbounded preceding and 1 preceding), 0))::int8 as before,
               (count(*) filter (where losses > 1) over claim)::int8 as risky,
               row_number() over claim as place
        from candidate
        where not (select is_taken from looked)
        window claim as (order by o, eff, first_id rows between unbounded preceding and current row)
    ) candidate
    where before < quota and (risky = 0 or place = 1)
),
taken as (
    delete from ready where ctid = any (array(select spot from picked))
),
rest as (
    insert into ready (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
    select upto + 1, last_id, lane, eff, run_at, priority, attempt, losses, journaled
    from picked where upto < last_id
),
taken_of as materialized (
    select key, sum((upto - first_id + 1) * cost)::int4 as n
    from picked
    join wanted_key on wanted_key.o = picked.o
    group by key
),
change as materialized (
    select key, max(used) - max(freed) + coalesce(max(taken), 0) as used,
           max(tokens) - case when max(rate) is null then 0 else coalesce(max(taken), 0) end as tokens,
           max(refilled_at) as refilled_at
    from (
        select key, used, freed, rate, tokens, refilled_at, null::int4 as taken from counter
        union all
        select key, null, null, null, null, null, n from taken_of
    ) either
    group by key
    having coalesce(max(taken), 0) <> max(freed) or (max(rate) is not null and max(taken) > 0)
),
counted as (
    update limit_use
    set used = change.used, tokens = change.tokens, refilled_at = change.refilled_at
    from change
    where limit_use.key = change.key
),
kind as materialized (
    select (row_number() over ())::int2 as n, picked.lane, wanted.limits <> '{}' as limited, priority, attempt, losses, journaled,
           min(eff) as eff, extract(epoch from min(walked))::float8 as walked, range_agg(int8range(first_id, upto, '[]')) as jobs
    from picked
    join wanted on wanted.o = picked.o
    group by picked.lane, limited, priority, attempt, losses, journaled
),
leased as (
    insert into lease (claim, n, worker, lane, eff, priority, attempt, losses, journaled, jobs)
    select $13, n, $14, lane, eff, priority, attempt, losses, journaled, jobs from kind
)
select kind.n as "n?", kind.lane as "lane?", min(kind.eff) as "eff?", min(kind.walked) as "walked?", kind.limited as "limited?", kind.attempt as "attempt?", kind.losses as "losses?", kind.journaled as "journaled?",
       min(job.tenant) as "tenant?", min(job.batch) as "batch?",
       array_agg(job.id) as "ids?", array_agg(job.nonce) as "nonces?", array_agg(job.template_version) as "template_versions?",
       array_agg(job.input) as "inputs?", array_agg(job.created_at) as "created_at?",
       case when count(job.member_key) > 0 then array_agg(job.member_key) end as "member_keys?: Vec<Option<String>>",
       case when min(job.batch) is not null then array_agg(job.object) end as "objects?: Vec<Option<String>>",
       case when count(job.expires_at) > 0 then array_agg(job.expires_at) end as "expires_at?: Vec<Option<chrono::DateTime<chrono::Utc>>>",
       case when count(job.timeout) > 0 then array_agg(job.timeout) end as "timeouts?: Vec<Option<f64>>",
       array_agg(job.id) filter (where job.retry_revision is not null) as "retried?",
       array_agg(job.retry_revision) filter (where job.retry_revision is not null) as "retry_revisions?",
       case when count(job.parent) > 0 then array_agg(job.parent) end as "parents?: Vec<Option<i64>>",
       now() + (select clock_offset from cluster) as "now!", null::int8 as "extents?", null::int8 as "picked?",
       null::int8[] as "undecided?", null::int8[] as "unwritten?"
from kind
cross join lateral unnest(kind.jobs) as range
cross join lateral (select * from job where job.id >= lower(range) and job.id < upper(range)) job
group by kind.n, kind.lane, kind.limited, kind.attempt, kind.losses, kind.journaled
union all
select null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, now(),
       (select extents from looked), (select count(*) from picked), array(select place from judged where not lands),
       case when (select count(*) from turn) < cardinality($20)
            then array(select unnest($20) except all select job from turn) end;
