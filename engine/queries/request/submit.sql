-- Stores requests of which something is said beside the input, as jobs: each with its holder in the same
-- statement, in `ready` when due, else in `later`. One whose idempotency key is taken is not stored, and
-- the next statement reads who has it (an `on conflict do nothing` sees neither its own nor the other
-- row). A key is taken over when its time has run out, or when it is held only while its job is open
-- and that job has an outcome.
-- A job expires when its request says, else so long after it is due ($22).
-- Index  request_key_pkey; outcome_pkey for the keys that are held while a job is open.
-- Locks  the idempotency keys in their sorted order, waiting no longer than $18; then new rows only, and the
--        notification queue where $21 says what this commit tells listeners.
-- Gives  the ids that were stored. Nothing at all is stored when names may mean something else by now:
--        $17 is not the catalogue's stamp.
with patience as materialized (
    select set_config('lock_timeout', $18, true) as said
),
asked as materialized (
    select asked.*
    from unnest($3::int8[], $4::int4[], $5::int4[], $6::int8[], $7::text[], $8::text[], $9::text[], $10::bytea[],
                $11::text[], $12::timestamptz[], $13::int4[], $14::jsonb[], $15::timestamptz[], $16::float8[],
                $19::bool[], $20::int8[], $22::float8[], $23::float8[], $24::int4[])
         asked (id, lane, template_version, nonce, input, scope, key, hash, hold, run_at, priority, tags, expires_at, held_for,
                mine, successor_of, expires_for, timeout, retry_revision)
    cross join patience
    where $17::int8 is null or $17 = (select stamp from catalogue)
),
taken as (
    insert into request_key (tenant, scope, key, hash, job, hold, expires_at)
    select $1, scope, key, hash, id, hold,
           case when hold = 'ttl' then now() + make_interval(secs => held_for) else 'infinity' end
    from asked
    where key is not null and not mine
    order by scope, key
    on conflict (tenant, scope, key) do update
        set hash = excluded.hash, job = excluded.job, hold = excluded.hold, expires_at = excluded.expires_at
        where request_key.expires_at <= now()
           or request_key.hold = 'active' and exists (
               select from (select outcome.last_id from outcome
                            where outcome.first_id <= request_key.job
                              and outcome.first_id >= request_key.job / 1000 * 1000
                            order by outcome.first_id desc limit 1) near
               where near.last_id >= request_key.job)
    returning job
),
accepted as materialized (
    select asked.*, coalesce(asked.run_at, now()) as due, coalesce(asked.run_at <= now(), true) as is_due,
           coalesce(asked.expires_at, coalesce(asked.run_at, now()) + make_interval(secs => asked.expires_for)) as expires
    from asked
    where asked.key is null or asked.mine or asked.id in (select job from taken)
),
stored as (
    insert into job (id, tenant, lane, template_version, nonce, input, expires_at, timeout, retry_revision)
    select id, $1, lane, template_version, nonce, input, expires, timeout, retry_revision from accepted
),
noted as (
    insert into request (job, tenant, purpose, idempotency_key, tags, who, start_at, expires_at, successor_of)
    select accepted.id, $1, lane.purpose, key, coalesce(tags, '{}'), $2, run_at, expires_at, successor_of
    from accepted join lane on lane.id = accepted.lane
),
expiring as (
    insert into expiry (job, at)
    select id, expires from accepted where expires is not null
),
extent as materialized (
    select lane, due, priority, is_due, unnest(range_agg(int8range(id, id, '[]'))) as ids
    from accepted
    group by lane, due, priority, is_due, id / 1000
),
due_now as (
    insert into ready (first_id, last_id, lane, eff, run_at, priority)
    select lower(ids), upper(ids) - 1, lane, due - make_interval(secs => priority), due, priority
    from extent where is_due
),
due_later as (
    insert into later (first_id, last_id, lane, eff, run_at, priority)
    select lower(ids), upper(ids) - 1, lane, due - make_interval(secs => priority), due, priority
    from extent where not is_due
)
select id as "id!", now() as "at!",
       case when is_due and $21::text is not null then pg_notify('windlass_work', $21)::text end as told
from accepted;
