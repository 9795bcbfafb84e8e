-- Which idempotency keys name a job that does not exist, or ran out an hour ago? An effect is kept when its job is forgotten.
-- Index  request_key_expiry, from the first to run out; job_pkey.
-- Locks  none; one snapshot, and a key is stored with its job.
-- Gives  a row a code: how many of the first 10,000, and the first $1 of them.
with wrong as (
    (select key, job, 'key_without_job' as code
     from request_key where scope <> 'effect' and not exists (select from job where job.id = request_key.job)
     order by expires_at limit 10000)
    union all
    (select key, job, 'key_overdue'
     from request_key where expires_at < now() - interval '1 hour' order by expires_at limit 10000)
)
select code as "code!", count(*) as "found!", (array_agg('j_' || job order by job))[1:$1::int4] as "subjects!",
       (array_agg('key ' || key order by job))[1:$1::int4] as "details!"
from wrong
group by code;
