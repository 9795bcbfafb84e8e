-- Stores contexts as they are after some changes, each once, with what made their versions; forgets versions that are
-- too old, notes the jobs and their batches, and tells jobs what came of what they asked for. Its caller has met all
-- others who change them.
-- Index  context_pkey; context_change_pkey; job_pkey; context_reference_pkey.
-- Locks  the contexts, which nobody else changes; new rows.
-- Gives  how many there are now.
with now_is as materialized (
    select * from unnest($1::int4[], $2::text[], $3::int8[], $4::text[], $5::text[], $6::timestamptz[])
        context (tenant, key, version, document, subject, expires_at)
),
stored as (
    insert into context (tenant, key, version, document, subject, expires_at)
    select * from now_is
    on conflict (tenant, key) do update
    set version = excluded.version, document = excluded.document, subject = excluded.subject,
        expires_at = excluded.expires_at, updated_at = excluded.updated_at,
        created_at = case when context.expires_at <= now() then excluded.created_at else context.created_at end
),
forgotten as (
    delete from context_change
    using now_is
    where context_change.tenant = now_is.tenant and context_change.key = now_is.key
      and context_change.version <= now_is.version - $7::int8
),
change as materialized (
    select change.*, job.batch
    from unnest($8::int4[], $9::text[], $10::int8[], $11::text[], $12::text[], $13::text[], $14::int8[], $15::text[])
         change (tenant, key, version, kind, data, who, job, step)
    left join job on job.id = change.job
),
changed as (
    insert into context_change (tenant, key, version, kind, data, who, job, step, batch)
    select * from change
),
noted as (
    insert into context_reference (tenant, key, kind, id, what)
    select tenant, key, 'job', job, 'change' from change where job is not null
    union
    select tenant, key, 'batch', batch, 'change' from change where batch is not null
    on conflict (kind, id, tenant, key, what) do nothing
),
told as (
    insert into inbox (job, kind, data)
    select job, 'context', data from unnest($16::int8[], $17::text[]) answer (job, data)
)
select count(*) as "contexts!" from now_is;
