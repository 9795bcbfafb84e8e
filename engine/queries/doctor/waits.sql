-- Which jobs rest although nothing will wake them, and which causes are of jobs that do not rest?
-- Index  wait_due, where what has no timer stands together; any one of the causes.
-- Locks  none; one snapshot.
-- Gives  a row a code: how many of the first 10,000, and the first $1 of them.
with idle as (
    select wait.job from wait
    where wait.n = 0 and wait.due is null
      and not exists (select from wait cause where cause.job = wait.job and cause.n > 0)
    limit 10000
),
stray as (
    select distinct cause.job from wait cause
    where cause.n > 0 and not exists (select from wait park where park.job = cause.job and park.n = 0)
    limit 10000
),
wrong as (
    select job as id, 'wait_without_cause' as code, 'no timer and no cause' as detail from idle
    union all
    select job, 'cause_without_wait', 'the job does not rest' from stray
)
select code as "code!", count(*) as "found!", (array_agg('j_' || id order by id))[1:$1::int4] as "subjects!",
       (array_agg(detail order by id))[1:$1::int4] as "details!"
from wrong
group by code;
