-- Settles what a pump's jobs want to record and claims the next ones, in one round trip.
--
-- Settling: an entry lands whole or not at all. It lands when its job is still in the lease, read
-- from the locked row, and no stop stands in its way unless it obeys that stop. Jobs that leave are
-- cut out of the locked row's own ranges: two flushes that meet on one lease never miss each other.
-- Claiming: due extents of the chosen lanes, oldest first, whole or split; the rest goes back as a
-- new extent, because extents are immutable. One lease row per kind of job in the claim.
--
-- Index  lease_pkey; ready_lane; job_pkey; the journal's and outcome's keys reject a second entry.
-- Locks  leases in (claim, n) order; ready extents with skip locked.
-- Gives  a row per claimed job, then one row with `n` null: how many entries landed, and which not.
with entry as materialized (
    select *
    from unnest($1::int8[], $2::int4[], $3::bool[], $4::int4[], $5::text[], $6::timestamptz[], $7::text[],
                $8::int4[], $9::bytea[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[],
                $15::timestamptz[], $16::text[], $25::bool[], $26::int8[])
         entry (job, k, obeys, seq, kind, at, data,
                fold, state, ending, outcome, code, fingerprint, result,
                due, reason, remembers, members)
),
locked as materialized (
    select wanted.k, lease.*, lane.tenant, lane.batch
    from unnest($17::uuid[], $18::int2[]) with ordinality wanted (claim, n, k)
    join lease on lease.claim = wanted.claim and lease.n = wanted.n
    join lane on lane.id = lease.lane
    order by lease.claim, lease.n
    for update of lease
),
landed as materialized (
    select entry.*, locked.claim, locked.n, locked.lane, locked.eff, locked.priority, locked.attempt,
           locked.losses, locked.journaled, locked.tenant, nullif(locked.batch, 0) as batch
    from entry
    join locked on locked.k = entry.k
    where locked.jobs @> entry.job
      and (entry.obeys or not locked.stop @> entry.job)
      and (not $19 or entry.seq is null
           or entry.seq = 1 + coalesce((select max(journal.seq) from journal where journal.job = entry.job), 0))
),
leaving as materialized (
    select claim, n, range_agg(int8range(job, job, '[]')) as cut
    from landed where ending is not null group by claim, n
),
emptied as (
    delete from lease using leaving, locked
    where lease.claim = leaving.claim and lease.n = leaving.n
      and locked.claim = leaving.claim and locked.n = leaving.n and locked.jobs <@ leaving.cut
),
shrunk as (
    update lease set jobs = locked.jobs - leaving.cut, stop = locked.stop - leaving.cut
    from leaving, locked
    where lease.claim = leaving.claim and lease.n = leaving.n
      and locked.claim = leaving.claim and locked.n = leaving.n and not locked.jobs <@ leaving.cut
),
journaled as (
    insert into journal (job, seq, kind, at, claim, data)
    select job, seq, kind, at, claim, data from landed where seq is not null
),
headed as (
    insert into head (job, seq, fold, state)
    select job, seq, fold, state from landed where fold is not null
),
plain as materialized (
    select unnest(range_agg(int8range(job, job, '[]'))) as jobs, tenant, lane, batch, outcome, attempt, claim
    from landed
    where ending = 'outcome' and result is null and code is null
    group by tenant, lane, batch, outcome, attempt, claim, job / 1000
),
ended as (
    insert into outcome (first_id, last_id, tenant, lane, batch, kind, code, fingerprint, attempt, claim, result)
    select job, job, tenant, lane, batch, outcome, code, fingerprint, attempt, claim, result
    from landed where ending = 'outcome' and (result is not null or code is not null)
    union all
    select lower(jobs), upper(jobs) - 1, tenant, lane, batch, outcome, null, null, attempt, claim, null
    from plain
),
released as (
    delete from request_key
    where hold = 'active' and job in (select job from landed where ending = 'outcome' and batch is null)
),
obeyed as (
    delete from intent where verb = 'cancel' and job in (select job from landed where obeys and ending is not null)
),
heard as (
    delete from inbox where kind = 'order' and job in (select job from landed where obeys)
),
given_back as (
    insert into ready (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
    select lower(jobs), upper(jobs) - 1, lane, eff, now(), priority, attempt, losses, journaled
    from (
        select unnest(range_agg(int8range(job, job, '[]'))) as jobs, lane, eff, priority, attempt, losses, journaled
        from (
            select job, lane, eff, priority, attempt, losses, remembers as journaled
            from landed where ending = 'back'
        ) back
        group by lane, eff, priority, attempt, losses, journaled, job / 1000
    ) extent
),
again as (
    insert into later (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
    select job, job, lane, due - make_interval(secs => priority), due, priority, attempt + 1, losses, false
    from landed where ending = 'retry'
),
parked as (
    insert into held (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled, reason, why)
    select job, job, lane, eff, now(), priority, attempt, losses, remembers, 'parked', coalesce(reason, '')
    from landed where ending = 'park'
),
rested as (
    insert into wait (job, n, lane, eff, priority, attempt, losses, due)
    select job, 0, lane, eff, priority, attempt, losses, due
    from landed where ending = 'rest'
),
told as (
    insert into tally (batch, kind, n)
    select batch, case ending when 'park' then 'parked' else outcome end, count(*)
    from landed
    where batch is not null and ending in ('outcome', 'park')
    group by 1, 2
    union all
    select batch, 'chunk_members', sum(members)
    from landed
    where batch is not null and members > 0
    group by 1
),
candidate as materialized (
    select wanted.o, wanted.quota, due.*
    from unnest($22::int4[], $23::int4[]) with ordinality wanted (lane, quota, o)
    cross join lateral (
        select ready.ctid as place, ready.*
        from ready
        where ready.lane = wanted.lane
        order by ready.eff, ready.first_id
        limit $24
        for update skip locked
    ) due
    where exists (select from worker where worker.id = $21 and worker.dead_at is null)
),
picked as materialized (
    select candidate.*, least(last_id, first_id + (quota - before) - 1) as upto
    from (
        select candidate.*,
               (coalesce(sum(last_id - first_id + 1)
                   over (partition by o order by eff, first_id rows between unbounded preceding and 1 preceding), 0))::int8 as before,
               (count(*) filter (where losses > 1)
                   over (partition by o order by eff, first_id rows between unbounded preceding and current row))::int8 as risky,
               row_number() over (partition by o order by eff, first_id) as place_in_lane
        from candidate
    ) candidate
    where before < quota and (risky = 0 or place_in_lane = 1)
),
taken as (
    delete from ready where ctid = any (array(select place from picked))
),
rest as (
    insert into ready (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
    select upto + 1, last_id, lane, eff, run_at, priority, attempt, losses, journaled
    from picked where upto < last_id
),
kind as materialized (
    select (row_number() over ())::int2 as n, lane, priority, attempt, losses, journaled,
           min(eff) as eff, sum(upto - first_id + 1)::int4 as size,
           range_agg(int8range(first_id, upto, '[]')) as jobs
    from picked
    group by lane, priority, attempt, losses, journaled
),
leased as (
    insert into lease (claim, n, worker, lane, eff, priority, attempt, losses, journaled, jobs)
    select $20, n, $21, lane, eff, priority, attempt, losses, journaled, jobs from kind
)
select kind.n as "n?", job.tenant as "tenant?", job.id as "id?", job.nonce as "nonce?", job.template_version as "template_version?",
       job.batch as "batch?", job.member_key as "member_key?", job.object as "object?", job.input as "input?",
       job.created_at as "created_at?", kind.lane as "lane?", kind.attempt as "attempt?", kind.losses as "losses?",
       kind.journaled as "journaled?", now() + (select clock_offset from cluster) as "now!", null::int8[] as "refused?"
from picked
join kind on kind.lane = picked.lane and kind.priority = picked.priority and kind.attempt = picked.attempt
         and kind.losses = picked.losses and kind.journaled = picked.journaled
cross join lateral (
    select * from job where job.id between picked.first_id and picked.upto
) job
union all
select null, null, null, null, null, null, null, null, null, null, null, null, null, null, now(),
       case when (select count(*) from landed) < (select count(*) from entry)
            then array(select job from entry except all select job from landed) end;
