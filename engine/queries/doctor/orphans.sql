-- Which rows speak of jobs with ids from $1 to $2 that do not exist?
-- Index  journal_pkey, head_pkey, inbox_pkey, request_pkey, child_pkey, heard_pkey, expiry_pkey, deferral_pkey,
--        intent_job, pause_job by range; job_pkey.
-- Locks  none; one snapshot, and what is said of a job is stored with it.
-- Gives  one row or none: how many, and the first $3 of them.
with said as (
    select distinct job as id, 'journal' as detail from journal where job between $1 and $2
    union all
    select distinct job, 'head' from head where job between $1 and $2
    union all
    select distinct job, 'inbox' from inbox where job between $1 and $2
    union all
    select job, 'request' from request where job between $1 and $2
    union all
    select job, 'child' from child where job between $1 and $2
    union all
    select distinct job, 'heard' from heard where job between $1 and $2
    union all
    select job, 'expiry' from expiry where job between $1 and $2
    union all
    select job, 'deferral' from deferral where job between $1 and $2
    union all
    select job, 'intent' from intent where job is not null and job between $1 and $2
    union all
    select job, 'pause' from pause where job is not null and job between $1 and $2
),
wrong as (
    select id, detail from said where not exists (select from job where job.id = said.id)
)
select 'row_of_no_job' as "code!", count(*) as "found!",
       (array_agg('j_' || id order by id))[1:$3::int4] as "subjects!",
       (array_agg(detail order by id))[1:$3::int4] as "details!"
from wrong
having count(*) > 0;
