-- Which jobs should have been woken, made ready, or ended as too late $1 seconds ago?
-- Index  wait_due; later_due; expiry_due.
-- Locks  none.
-- Gives  a row a code: how many of the first 10,000, and the first $2 of them.
with late as (
    select now() + clock_offset - make_interval(secs => $1) as since from cluster
),
wrong as (
    (select job as id, due as at, 'timer_overdue' as code
     from wait where n = 0 and due < (select since from late) order by due limit 10000)
    union all
    (select first_id, run_at, 'later_overdue'
     from later where run_at < (select since from late) order by run_at, first_id limit 10000)
    union all
    (select job, at, 'expiry_overdue'
     from expiry where at < (select since from late) order by at, job limit 10000)
)
select code as "code!", count(*) as "found!", (array_agg('j_' || id order by at, id))[1:$2::int4] as "subjects!",
       (array_agg('since ' || at order by at, id))[1:$2::int4] as "details!"
from wrong
group by code;
