-- Which outcomes from $1 to $2 are of another tenant, lane or batch than their job, or no range of one block?
-- Index  outcome_pkey and job_pkey by range.
-- Locks  none; one snapshot.
-- Gives  a row a code: how many, and the first $3 of them.
with ended as materialized (
    select first_id, last_id, tenant, lane, batch from outcome where first_id between $1 and $2
),
wrong as (
    select job.id, 'outcome_differs' as code,
           'ended for tenant ' || ended.tenant || ', lane ' || ended.lane || ', batch ' || coalesce(ended.batch, 0)
               || ', the job is of ' || job.tenant || ', ' || job.lane || ', ' || coalesce(job.batch, 0) as detail
    from ended join job on job.id >= ended.first_id and job.id <= ended.last_id
    where (job.tenant, job.lane, coalesce(job.batch, 0)) is distinct from (ended.tenant, ended.lane, coalesce(ended.batch, 0))
    union all
    select first_id, 'extent_leaves_block', 'from ' || first_id || ' to ' || last_id
    from ended
    where last_id < first_id or last_id / 1000 <> first_id / 1000
)
select code as "code!", count(*) as "found!", (array_agg('j_' || id order by id))[1:$3::int4] as "subjects!",
       (array_agg(detail order by id))[1:$3::int4] as "details!"
from wrong
group by code;
