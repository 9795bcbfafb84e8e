-- Makes a new job of each that failed or expired, with the same input and place, that links back, and holds it for
-- its batch's release. One that somebody else makes anew at the same time is left to them.
-- Index  job_pkey; redrive_job_anew refuses the second.
-- Locks  the new rows, in the order of the old jobs, under the batch's lock.
-- Gives  one row: how many.
with ended as materialized (
    select job.*, $6::int8 + wanted.k - 1 as new_id, wanted.kind, coalesce(moved.to_lane, job.lane) as new_lane
    from unnest($2::int8[], $3::text[]) with ordinality wanted (job, kind, k)
    join job on job.id = wanted.job
    left join unnest($4::int4[], $5::int4[]) moved (from_lane, to_lane) on moved.from_lane = job.lane
    order by job.id
),
noted as (
    insert into redrive_job (redrive, job, origin)
    select $1, new_id, id from ended
    on conflict (origin) where job <> origin do nothing
    returning job
),
origin as materialized (
    select ended.* from ended join noted on noted.job = ended.new_id
),
made as (
    insert into job (id, tenant, lane, template_version, batch, parent, redrive_of, nonce, member_key, object, input, timeout,
                     retry_revision)
    select new_id, tenant, new_lane, coalesce($7, template_version), batch, parent, id,
           ('x' || encode(uuid_send(gen_random_uuid()), 'hex'))::bit(64)::int8, member_key, object, input, timeout, retry_revision
    from origin
),
extent as materialized (
    select new_lane, unnest(range_agg(int8range(new_id, new_id, '[]'))) as ids from origin group by new_lane
),
planned as (
    insert into held (first_id, last_id, lane, eff, run_at, priority, reason)
    select lower(ids), upper(ids) - 1, new_lane, now() - make_interval(secs => batch.priority), now(), batch.priority, 'planned'
    from extent join batch on batch.id = $8
),
ranged as (
    insert into anew_range (batch, first_id, last_id)
    select $8, min(new_id), max(new_id) from origin having count(*) > 0
),
told as (
    insert into tally (batch, kind, n)
    select $8, 'restarted_' || kind, count(*) from origin group by kind
)
select count(*) as "jobs!" from origin;
