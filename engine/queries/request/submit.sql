-- Stores requests as jobs: each with its holder in the same statement, in `ready` when due, else in
-- `later`. Gives the ids that were stored; one that is missing found its idempotency key taken, which
-- the next statement reads (an `on conflict do nothing` sees neither its own nor the other row).
-- Index  request_key_pkey.
-- Locks  the idempotency keys in their sorted order, then new rows only.
with asked as materialized (
    select *
    from unnest($3::int8[], $4::int4[], $5::int4[], $6::int8[], $7::text[], $8::text[], $9::bytea[],
                $10::timestamptz[], $11::int4[], $12::jsonb[])
         asked (id, lane, template_version, nonce, input, key, hash, run_at, priority, tags)
),
taken as (
    insert into request_key (tenant, scope, key, hash, job, hold, expires_at)
    select $1, 'tenant', key, hash, id, 'ttl', now() + interval '24 hours'
    from asked
    where key is not null
    order by key
    on conflict (tenant, scope, key) do update
        set hash = excluded.hash, job = excluded.job, hold = excluded.hold, expires_at = excluded.expires_at
        where request_key.expires_at <= now()
    returning job
),
accepted as materialized (
    select asked.*, coalesce(asked.run_at, now()) as due, coalesce(asked.run_at <= now(), true) as is_due
    from asked
    where asked.key is null or asked.id in (select job from taken)
),
stored as (
    insert into job (id, tenant, lane, template_version, nonce, input)
    select id, $1, lane, template_version, nonce, input from accepted
),
noted as (
    insert into request (job, tenant, purpose, idempotency_key, tags, who, start_at)
    select accepted.id, $1, lane.purpose, key, coalesce(tags, '{}'), $2, run_at
    from accepted join lane on lane.id = accepted.lane
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
select id as "id!" from accepted;
