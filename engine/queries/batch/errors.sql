-- Why did members of this batch fail? Grouped by fingerprint, with five jobs each; without those that were made anew.
-- Index  batch_range_pkey and anew_range_pkey, then outcome_bad (tenant, kind, first_id) once a range and kind;
--        redrive_job_anew; lane_batch, held_lane for what is parked. As many rows as the batch has failures, no more.
-- Locks  none.
-- Gives  up to $3 groups, the largest first.
with range as (
    select first_id, last_id from batch_range where batch = $2
    union all
    select first_id, last_id from anew_range where batch = $2
),
bad as (
    select o.kind, o.code, o.fingerprint, o.first_id, o.last_id - o.first_id + 1 - anew.jobs as jobs, o.at
    from range r
    -- Range by range: a join would compare every failure of the tenant with every range.
    cross join lateral (
        select * from outcome
        where tenant = $1 and kind = any('{failed,expired}') and batch = $2 and first_id between r.first_id and r.last_id
        offset 0
    ) o
    cross join lateral (
        select count(*) as jobs from redrive_job
        where redrive_job.origin between o.first_id and o.last_id and redrive_job.job <> redrive_job.origin
    ) anew
    union all
    select 'parked', coalesce(h.code, nullif(h.why, '')), h.fingerprint, h.first_id, h.last_id - h.first_id + 1, h.eff
    from lane l
    cross join lateral (select * from held where lane = l.id and reason = 'parked' offset 0) h
    where l.tenant = $1 and l.batch = $2 and l.batch <> 0
)
select kind as "kind!", code as "code?", fingerprint as "fingerprint?",
       sum(jobs)::bigint as "jobs!",
       min(at) as "first_at!", max(at) as "last_at!",
       (array_agg(first_id order by first_id))[1:5] as "sample!"
from bad
where jobs > 0
group by kind, code, fingerprint
order by 4 desc, 1, 2, 3
limit $3;
