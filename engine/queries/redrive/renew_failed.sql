-- Makes a new job of each failed one, with the same input, template version and place, that links back.
-- One that somebody else renews at the same time is left to them.
-- Index  job_pkey; redrive_job_anew refuses the second.
-- Locks  the new rows, in the order of the failed jobs, under the batches' locks.
-- Gives  a row a batch: how many new jobs it has; batch 0 for the others.
with failed as materialized (
    select job.*, $3::int8 + wanted.k - 1 as new_id, outcome.fingerprint
    from unnest($2::int8[]) with ordinality wanted (job, k)
    -- One by one: without statistics of the whole table a join would read all of it.
    cross join lateral (select * from job where job.id = wanted.job offset 0) job
    cross join lateral (select fingerprint from outcome where outcome.first_id = wanted.job offset 0) outcome
    order by job.id
),
noted as (
    insert into redrive_job (redrive, job, origin, fingerprint)
    select $1, new_id, id, fingerprint from failed
    on conflict (origin) where job <> origin do nothing
    returning job
),
origin as materialized (
    select failed.* from failed join noted on noted.job = failed.new_id
),
made as (
    insert into job (id, tenant, lane, template_version, batch, parent, redrive_of, nonce, member_key, object, input, timeout,
                     retry_revision)
    select new_id, tenant, lane, template_version, batch, parent, id,
           ('x' || encode(uuid_send(gen_random_uuid()), 'hex'))::bit(64)::int8, member_key, object, input, timeout, retry_revision
    from origin
),
ranged as (
    insert into anew_range (batch, first_id, last_id)
    select batch, min(new_id), max(new_id) from origin where batch is not null group by batch
),
due as (
    insert into ready (first_id, last_id, lane, eff, run_at)
    select new_id, new_id, lane, now(), now() from origin
),
told as (
    insert into tally (batch, kind, n)
    select batch, 'restarted_failed', count(*) from origin where batch is not null group by batch
)
select coalesce(batch, 0) as "batch!", count(*) as "jobs!" from origin group by batch order by 1;
