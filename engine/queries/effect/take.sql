-- Takes effects for the steps that are about to have them; whoever asks again under its idempotency key has it
-- still, and counts as begun.
-- Index  request_key_pkey.
-- Locks  the keys, in order.
-- Gives  the steps whose effect another step has, and its job.
with asked as materialized (
    select * from unnest($1::int4[], $2::text[], $3::int8[], $4::bytea[], $5::int4[]) asked (tenant, key, job, step, activity)
),
first as materialized (
    -- two of one flush: a row can be taken once in a statement
    select distinct on (tenant, key) tenant, key, job, step from asked order by tenant, key, job, step
),
held as (
    insert into request_key (tenant, scope, key, hash, job, hold, expires_at)
    select tenant, 'effect', key, step, job, 'forever', 'infinity' from first order by tenant, key
    on conflict (tenant, scope, key) do update
        set unbegun = request_key.unbegun and (request_key.job, request_key.hash) <> (excluded.job, excluded.hash)
    returning tenant, key, job, hash
)
select asked.job as "job!", asked.activity as "activity!", held.job as "holder!"
from asked
join held on held.tenant = asked.tenant and held.key = asked.key
where (held.job, held.hash) <> (asked.job, asked.step);
