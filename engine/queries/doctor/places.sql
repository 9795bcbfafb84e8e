-- Which jobs with ids from $1 to $2 do not stand in exactly one place, and which places have no job?
-- Index  job_pkey, ready_pkey, later_pkey, held_pkey, wait_pkey, outcome_pkey by range; leases are few.
-- Locks  none; one snapshot over all places, which is what the holder rule is about.
-- Gives  a row a code: how many, and the first $3 of them.
with place as materialized (
    select id, 'ready' as what from ready cross join lateral generate_series(first_id, last_id) id
    where first_id between $1 and $2
    union all
    select id, 'later' from later cross join lateral generate_series(first_id, last_id) id
    where first_id between $1 and $2
    union all
    select id, 'held' from held cross join lateral generate_series(first_id, last_id) id
    where first_id between $1 and $2
    union all
    select id, 'lease'
    from lease
    cross join lateral unnest(jobs * int8multirange(int8range($1, $2, '[]'))) as range
    cross join lateral generate_series(lower(range), upper(range) - 1) id
    union all
    select job, 'wait' from wait where n = 0 and job between $1 and $2
    union all
    select id, 'outcome' from outcome cross join lateral generate_series(first_id, last_id) id
    where first_id between $1 and $2
),
stands as (
    select id, count(*) as places, count(*) filter (where what = 'lease') as leased,
           count(*) filter (where what = 'outcome') as ended, min(what) as one, max(what) as other
    from place
    group by id
),
wrong as (
    select coalesce(known.id, stands.id) as id,
           case when known.id is null then 'place_without_job'
                when places is null then 'job_nowhere'
                when leased > 1 then 'job_leased_twice'
                when ended > 1 then 'job_ended_twice'
                when ended = 1 then 'job_ended_and_held'
                else 'job_held_twice' end as code,
           case when places is null then 'nowhere' when places = 1 then one else one || ' and ' || other end as detail
    from (select id from job where id between $1 and $2) known
    full join stands on stands.id = known.id
    where known.id is null or places is distinct from 1
)
select code as "code!", count(*) as "found!", (array_agg('j_' || id order by id))[1:$3::int4] as "subjects!",
       (array_agg(detail order by id))[1:$3::int4] as "details!"
from wrong
group by code;
