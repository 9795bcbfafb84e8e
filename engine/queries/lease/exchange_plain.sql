-- The narrow form of `exchange.sql` for the case that fills a worker's day: jobs that only end, with no
-- journal, no stop, no limit and no held key, and a claim from lanes without limits.
--
-- Settling: endings come in runs of consecutive jobs of one lease. A run lands whole or not at all,
-- judged by the locked row; one that did not land is sent again in the full form, which judges each job.
-- Claiming: as in the full form, one row a kind with its jobs as arrays.
--
-- Index  lease_pkey; lease_worker, only if a due job was ever lost; ready_lane; job_pkey; the outcome's key rejects a second ending.
-- Locks  leases in (claim, n) order; ready extents with skip locked.
-- Gives  a row per kind of claimed job, then one row with `n` null: how many extents were looked at and
--        taken from, and which runs did not land.
with run as materialized (
    select *
    from unnest($1::int8[], $2::int8[], $3::int4[], $4::text[], $5::text[], $6::text[], $7::bool[])
         with ordinality run (first_id, last_id, k, outcome, code, fingerprint, is_bare, place)
),
locked as materialized (
    select wanted.k, lease.claim, lease.n, lease.lane, lease.attempt, lease.jobs, lease.stop,
           lane.tenant, nullif(lane.batch, 0) as batch
    from unnest($8::uuid[], $9::int2[]) with ordinality wanted (claim, n, k)
    join lease on lease.claim = wanted.claim and lease.n = wanted.n
    join lane on lane.id = lease.lane and lane.limits = '{}'
    order by lease.claim, lease.n
    for update of lease
),
landed as materialized (
    select run.place, run.first_id, run.last_id, run.outcome, run.code, run.fingerprint, run.is_bare, locked.*
    from run
    join locked on locked.k = run.k
    where locked.jobs @> int8range(run.first_id, run.last_id, '[]')
      and not locked.stop && int8range(run.first_id, run.last_id, '[]')
),
leaving as materialized (
    select claim, n, jobs, stop, range_agg(int8range(first_id, last_id, '[]')) as cut
    from landed group by claim, n, jobs, stop
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
told as (
    insert into tally (batch, kind, n)
    select batch, outcome, sum(last_id - first_id + 1)
    from landed
    where batch is not null
    group by batch, outcome
),
candidate as materialized (
    select wanted.o, wanted.quota, due.*
    from unnest($15::int4[], $16::int4[]) with ordinality wanted (lane, quota, o)
    join lane on lane.id = wanted.lane and lane.limits = '{}'
    cross join lateral (
        select ready.ctid as spot, ready.*
        from ready
        where ready.lane = wanted.lane
          and (ready.losses = 0
               or ready.losses <= $18
                  and (select coalesce(max(lease.losses), 0) from lease where lease.worker = $14)
                      < case when ready.losses = 1 then 2 else 1 end)
        order by ready.eff, ready.first_id
        limit $17
        for update skip locked
    ) due
    where exists (select from worker where worker.id = $14 and worker.dead_at is null)
),
picked as materialized (
    select candidate.*, least(last_id, first_id + (quota - before) - 1) as upto
    from (
        select candidate.*,
               (coalesce(sum(last_id - first_id + 1)
                   over (partition by o order by eff, first_id rows between unbounded preceding and 1 preceding), 0))::int8 as before,
               (count(*) filter (where losses > 1)
                   over (order by o, eff, first_id rows between unbounded preceding and current row))::int8 as risky,
               row_number() over (order by o, eff, first_id) as place
        from candidate
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
kind as materialized (
    select (row_number() over ())::int2 as n, lane, priority, attempt, losses, journaled,
           min(eff) as eff, range_agg(int8range(first_id, upto, '[]')) as jobs
    from picked
    group by lane, priority, attempt, losses, journaled
),
leased as (
    insert into lease (claim, n, worker, lane, eff, priority, attempt, losses, journaled, jobs)
    select $13, n, $14, lane, eff, priority, attempt, losses, journaled, jobs from kind
)
select kind.n as "n?", kind.lane as "lane?", kind.attempt as "attempt?", kind.losses as "losses?", kind.journaled as "journaled?",
       min(job.tenant) as "tenant?", min(job.batch) as "batch?",
       array_agg(job.id) as "ids?", array_agg(job.nonce) as "nonces?", array_agg(job.template_version) as "template_versions?",
       array_agg(job.input) as "inputs?", array_agg(job.created_at) as "created_at?",
       case when min(job.batch) is not null then array_agg(job.member_key) end as "member_keys?: Vec<Option<String>>",
       case when min(job.batch) is not null then array_agg(job.object) end as "objects?: Vec<Option<String>>",
       case when count(job.expires_at) > 0 then array_agg(job.expires_at) end as "expires_at?: Vec<Option<chrono::DateTime<chrono::Utc>>>",
       now() + (select clock_offset from cluster) as "now!", null::int8 as "extents?", null::int8 as "picked?",
       null::int8[] as "undecided?"
from kind
cross join lateral unnest(kind.jobs) as range
cross join lateral (select * from job where job.id >= lower(range) and job.id < upper(range)) job
group by kind.n, kind.lane, kind.attempt, kind.losses, kind.journaled
union all
select null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, now(),
       (select count(*) from candidate), (select count(*) from picked), array(select place from run except all select place from landed);
