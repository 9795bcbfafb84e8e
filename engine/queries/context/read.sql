-- One context as a job reads it, which is noted: for its batch, or for the job if it has none.
-- Index  context_pkey; job_pkey; context_reference_pkey.
-- Locks  a new row. One that is there already is not touched.
-- Gives  nothing where there is none, or its time is over; then nothing is noted.
with found as materialized (
    select * from context
    where tenant = $1 and key = $2 and coalesce(expires_at > now(), true)
),
noted as (
    insert into context_reference (tenant, key, kind, id, what)
    select found.tenant, found.key, case when job.batch is null then 'job' else 'batch' end,
           coalesce(job.batch, job.id), 'read'
    from found join job on job.id = $3
    on conflict (kind, id, tenant, key, what) do nothing
)
select key as "key!", version as "version!", document as "document!", subject, expires_at,
       created_at as "created_at!", updated_at as "updated_at!"
from found;
