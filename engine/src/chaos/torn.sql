-- Which job stands in no holder, or in two, at this very instant?
-- Index  job_pkey; the holders are read whole.
-- Locks  none; one snapshot over all holders, which is what the holder rule is about.
-- Gives  a row a job that breaks the rule.
with place as (
    select id, 'ready' as what from ready, generate_series(first_id, last_id) id
    union all select id, 'later' from later, generate_series(first_id, last_id) id
    union all select id, 'held' from held, generate_series(first_id, last_id) id
    union all select id, 'lease' from lease, unnest(jobs) r, generate_series(lower(r), upper(r) - 1) id
    union all select job, 'wait' from wait where n = 0
    union all select id, 'outcome' from outcome, generate_series(first_id, last_id) id
)
select job.id, coalesce(string_agg(place.what, ' and '), 'nowhere') as places
from job left join place using (id)
where not exists (select from chaos.judged where judged.job = job.id)
group by job.id
having count(place.id) <> 1
limit 20;
