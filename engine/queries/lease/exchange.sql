-- Settles what a pump's jobs want to record, whatever it is.
--
-- An entry lands whole or not at all. It lands when its job is still in the lease, read from the locked
-- row, and no stop stands in its way unless it obeys that stop. Jobs that leave are cut out of the locked
-- row's own ranges: two flushes that meet on one lease never miss each other. What only ends goes through
-- the narrow form, which claims as well (`exchange_plain.sql`).
-- Limits: each key's counter is locked, and changed once by the sum of what the landed entries free.
--
-- Index  lease_pkey; limit_use_pkey; the journal's and outcome's keys reject a second entry.
-- Locks  leases in (claim, n) order; the pauses of jobs that come back; then the counters in key order.
-- Gives  the jobs whose entry did not land.
with entry as materialized (
    select *
    from unnest($1::int8[], $2::int4[], $3::bool[], $4::int4[], $5::text[], $6::timestamptz[], $7::text[],
                $8::int4[], $9::bytea[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[],
                $15::timestamptz[], $16::text[], $21::bool[], $22::int8[])
         entry (job, k, obeys, seq, kind, at, data,
                fold, state, ending, outcome, code, fingerprint, result,
                due, reason, remembers, members)
),
locked as materialized (
    select wanted.k, lease.*, lane.tenant, lane.batch, lane.limits, lane.costs
    from unnest($17::uuid[], $18::int2[]) with ordinality wanted (claim, n, k)
    join lease on lease.claim = wanted.claim and lease.n = wanted.n
    join lane on lane.id = lease.lane
    order by lease.claim, lease.n
    for update of lease
),
landed as materialized (
    select entry.*, locked.claim, locked.n, locked.lane, locked.eff, locked.priority, locked.attempt,
           locked.losses, locked.journaled, locked.tenant, nullif(locked.batch, 0) as batch, locked.limits,
           locked.costs
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
obeyed as (
    delete from intent where verb = 'cancel' and job in (select job from landed where obeys and ending is not null)
),
heard as (
    delete from inbox where kind = 'order' and job in (select job from landed where obeys)
),
stopping as materialized (
    -- paused while they ran: they stand still now. Only jobs that come back are looked up.
    select landed.job, pause.who, pause.why, pause.until
    from landed
    join pause on pause.job = landed.job
    where landed.ending in ('back', 'retry', 'defer', 'rest')
      and (pause.until is null or pause.until > now() + (select clock_offset from cluster))
    for key share of pause
),
stopped as (
    insert into held (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled, reason, until, who, why)
    select job, job, lane, eff, case when ending in ('retry', 'defer') then due else now() end, priority,
           case ending when 'retry' then attempt + 1 else attempt end, losses,
           case ending when 'retry' then false when 'rest' then true else remembers end,
           'paused', stopping.until, stopping.who, stopping.why
    from landed join stopping using (job)
),
given_back as (
    insert into ready (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
    select lower(jobs), upper(jobs) - 1, lane, eff, now(), priority, attempt, losses, journaled
    from (
        select unnest(range_agg(int8range(job, job, '[]'))) as jobs, lane, eff, priority, attempt, losses, journaled
        from (
            select job, lane, eff, priority, attempt, losses, remembers as journaled
            from landed where ending = 'back' and job not in (select job from stopping)
        ) back
        group by lane, eff, priority, attempt, losses, journaled, job / 1000
    ) extent
),
again as (
    insert into later (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
    select job, job, lane, due - make_interval(secs => priority), due, priority, attempt + 1, losses, false
    from landed where ending = 'retry' and job not in (select job from stopping)
),
deferred as (
    insert into later (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
    select job, job, lane, eff, due, priority, attempt, losses, remembers
    from landed where ending = 'defer' and job not in (select job from stopping)
),
excused as (
    insert into deferral (job, worker, why, until)
    select job, $20, coalesce(reason, ''), due from landed where ending = 'defer'
    on conflict (job) do update set worker = excluded.worker, why = excluded.why, until = excluded.until, at = now()
),
parked as (
    insert into held (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled, reason, why, code, fingerprint)
    select job, job, lane, eff, now(), priority, attempt, losses, remembers, 'parked', coalesce(reason, ''), code, fingerprint
    from landed where ending = 'park'
),
rested as (
    insert into wait (job, n, lane, eff, priority, attempt, losses, due)
    select job, 0, lane, eff, priority, attempt, losses, due
    from landed where ending = 'rest' and job not in (select job from stopping)
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
freed as materialized (
    select key, sum(coalesce(cost, 1))::int4 as n
    from landed cross join lateral unnest(limits, costs) as part (key, cost)
    where ending is not null
    group by key
),
counter as materialized (
    select key, used
    from limit_use
    where key = any (array(select key from freed))
    order by key
    for update
),
counted as (
    update limit_use
    set used = counter.used - freed.n
    from counter
    join freed on freed.key = counter.key
    where limit_use.key = any (array(select key from freed)) and limit_use.key = counter.key
)
select job as "job!"
from (select job from entry except all select job from landed) refused
where (select count(*) from landed) < (select count(*) from entry);
