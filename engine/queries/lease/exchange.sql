-- Settles what a pump's jobs want to record and claims the next ones, in one round trip.
--
-- Settling: an entry lands whole or not at all. It lands when its job is still in the lease, read
-- from the locked row, and no stop stands in its way unless it obeys that stop. Jobs that leave are
-- cut out of the locked row's own ranges: two flushes that meet on one lease never miss each other.
-- Claiming: due extents of the chosen lanes, oldest first, whole or split; the rest goes back as a
-- new extent, because extents are immutable. One lease row per kind of job in the claim. A job that was
-- lost twice is claimed alone, by a worker that holds no other job that was ever lost; and a worker
-- that holds one takes none that was lost before. So poison is told from its neighbours (`expire.sql`).
-- Limits: each key's counter is locked, decided from as locked, and changed once, by the sum of what
-- the landed entries free and the claim takes. A lane is given the least room of all its keys. Wanted
-- lanes that share a key: each one's part is what the earlier ones could not take at most.
--
-- Index  lease_pkey; lease_worker, only if a due job was ever lost; limit_use_pkey; ready_lane; job_pkey;
--        the journal's and outcome's keys reject a second entry.
-- Locks  leases in (claim, n) order; the pauses of jobs that come back; then counters that are given back to in key order; then, never
--        waiting, counters that are only taken from, and ready extents.
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
    select wanted.k, lease.*, lane.tenant, lane.batch, lane.limits
    from unnest($17::uuid[], $18::int2[]) with ordinality wanted (claim, n, k)
    join lease on lease.claim = wanted.claim and lease.n = wanted.n
    join lane on lane.id = lease.lane
    order by lease.claim, lease.n
    for update of lease
),
landed as materialized (
    select entry.*, locked.claim, locked.n, locked.lane, locked.eff, locked.priority, locked.attempt,
           locked.losses, locked.journaled, locked.tenant, nullif(locked.batch, 0) as batch, locked.limits
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
    select job, $21, coalesce(reason, ''), due from landed where ending = 'defer'
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
    select key, count(*)::int4 as n
    from landed cross join lateral unnest(limits) as key
    where ending is not null
    group by key
),
wanted as materialized (
    select wanted.lane, wanted.quota, wanted.o, lane.limits
    from unnest($22::int4[], $23::int4[]) with ordinality wanted (lane, quota, o)
    join lane on lane.id = wanted.lane
),
wanted_key as materialized (
    select o, key, quota from wanted cross join lateral unnest(limits) as key
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
                else greatest(0, least(held.cap - held.used + coalesce(freed.n, 0),
                                       case when held.rate is not null then floor(refill.tokens)::int4 end))
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
    select o, least(min(wanted_key.quota), min(coalesce(counter.room, 0))) as bound
    from wanted_key
    left join counter on counter.key = wanted_key.key
    group by o
),
shared as materialized (
    -- lanes that share a key: each one's part is what the earlier ones could not take at most
    select o, min(room) as room
    from (
        select bounded.o,
               counter.room - coalesce(sum(bounded.bound) over (
                   partition by counter.key order by bounded.o rows between unbounded preceding and 1 preceding), 0) as room
        from bounded
        join wanted_key on wanted_key.o = bounded.o
        join counter on counter.key = wanted_key.key
    ) part
    group by o
),
granted as materialized (
    select wanted.o, wanted.lane, wanted.limits <> '{}' as limited,
           case when wanted.limits = '{}' then wanted.quota
                else greatest(0, least(bounded.bound, shared.room))::int4 end as quota
    from wanted
    left join bounded on bounded.o = wanted.o
    left join shared on shared.o = wanted.o
),
candidate as materialized (
    select wanted.o, wanted.quota, wanted.limited, due.*
    from granted wanted
    cross join lateral (
        select ready.ctid as spot, ready.*
        from ready
        where ready.lane = wanted.lane
          and (ready.losses = 0
               or ready.losses <= $27
                  and (select coalesce(max(lease.losses), 0) from lease where lease.worker = $21)
                      < case when ready.losses = 1 then 2 else 1 end)
        order by ready.eff, ready.first_id
        limit least($24::int8, wanted.quota)
        for update skip locked
    ) due
    where exists (select from worker where worker.id = $21 and worker.dead_at is null)
),
picked as materialized (
    select candidate.*, least(last_id, first_id + (quota - before) - 1) as upto,
           (dense_rank() over (order by lane, priority, attempt, losses, journaled))::int2 as n
    from (
        select candidate.*,
               (coalesce(sum(last_id - first_id + 1)
                   over (partition by o order by eff, first_id rows between unbounded preceding and 1 preceding), 0))::int8 as before,
               (count(*) filter (where losses > 1) over claim)::int8 as risky,
               row_number() over claim as place
        from candidate
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
    select key, sum(n)::int4 as n
    from (select o, sum(upto - first_id + 1) as n from picked group by o) lane
    join wanted_key on wanted_key.o = lane.o
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
    select n, lane, priority, attempt, losses, journaled,
           min(eff) as eff, range_agg(int8range(first_id, upto, '[]')) as jobs
    from picked
    group by n, lane, priority, attempt, losses, journaled
),
leased as (
    insert into lease (claim, n, worker, lane, eff, priority, attempt, losses, journaled, jobs)
    select $20, n, $21, lane, eff, priority, attempt, losses, journaled, jobs from kind
)
select picked.n as "n?", job.tenant as "tenant?", job.id as "id?", job.nonce as "nonce?", job.template_version as "template_version?",
       job.batch as "batch?", job.member_key as "member_key?", job.object as "object?", job.input as "input?",
       job.created_at as "created_at?", picked.lane as "lane?", picked.attempt as "attempt?", picked.losses as "losses?",
       picked.journaled as "journaled?", picked.limited as "limited?", now() + (select clock_offset from cluster) as "now!", null::int8[] as "refused?",
       null::int8 as "extents?", null::int8 as "picked?", job.expires_at as "expires_at?", job.parent as "parent?"
from picked
cross join lateral (
    select * from job where job.id between picked.first_id and picked.upto
) job
union all
select null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, now(),
       case when (select count(*) from landed) < (select count(*) from entry)
            then array(select job from entry except all select job from landed) end,
       (select count(*) from candidate), (select count(*) from picked), null, null;
