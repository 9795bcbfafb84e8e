-- Would a sequence give ids that jobs have already, as after a restore; or do partitions run out?
-- Index  job_pkey, the last entry of each region.
-- Locks  none: a job's id was drawn before the job was stored.
-- Gives  a row a code: how many, and the first $1 of them.
with region as (
    select 'job_block' as sequence, (select max(id) / 1000 from job where id < 1000000000000000) as used,
           case when is_called then last_value else last_value - 1 end as drawn
    from job_block
    union all
    select 'job_single', (select max(id) from job where id >= 1000000000000000 and id < 2000000000000000),
           case when is_called then last_value else last_value - 1 end
    from job_single
),
partition as (
    select (regexp_match(pg_get_expr(relpartbound, pg_class.oid), $$TO \('(\d+)'\)$$))[1]::int8 as ends
    from pg_inherits join pg_class on pg_class.oid = inhrelid
    where inhparent = 'job'::regclass
),
wrong as (
    select sequence, 'ids_behind' as code, 'drawn up to ' || drawn || ', used up to ' || used as detail
    from region where used > drawn
    union all
    select sequence, 'ids_run_out', 'drawn up to ' || drawn || ', partitions end at ' || room.ends
    from region
    join lateral (
        select max(ends) / case sequence when 'job_block' then 1000 else 1 end as ends
        from partition where (ends >= 1000000000000000) = (sequence = 'job_single')
    ) room on drawn > room.ends - case sequence when 'job_block' then 8000 else 8000000 end
)
select code as "code!", count(*) as "found!", (array_agg(sequence order by sequence))[1:$1::int4] as "subjects!",
       (array_agg(detail order by sequence))[1:$1::int4] as "details!"
from wrong
group by code;
