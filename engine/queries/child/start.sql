-- Stores jobs that jobs start, ready, in the flush that says so.
-- Index  none: new rows.
-- Locks  new rows only.
with started as materialized (
    select *
    from unnest($1::int8[], $2::int8[], $3::int4[], $4::int4[], $5::int4[], $6::int8[], $7::text[], $8::int4[], $9::int4[],
                $10::bool[], $11::text[], $12::float8[])
         started (id, parent, tenant, lane, template_version, nonce, input, priority, activity, awaited, on_close, within)
),
stored as (
    insert into job (id, tenant, lane, template_version, parent, nonce, input, expires_at)
    select id, tenant, lane, template_version, parent, nonce, input, now() + make_interval(secs => within) from started
),
expiring as (
    insert into expiry (job, at)
    select id, now() + make_interval(secs => within) from started where within is not null
),
known as (
    insert into child (job, parent, activity, awaited, on_close)
    select id, parent, activity, awaited, on_close from started
)
insert into ready (first_id, last_id, lane, eff, run_at, priority)
select id, id, lane, now() - make_interval(secs => priority), now(), priority from started;
