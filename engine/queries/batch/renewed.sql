-- The newest job that was made anew of each of these, of that again, and so on, and what became of it.
-- Index  redrive_job_anew; outcome_pkey, one step back inside the block of 1,000.
-- Locks  none.
-- Gives  a row for each of $1 that was made anew; results only with $2, and none behind those, in the order of $1, that have
--        more than $3 bytes together: `fits` tells a result that is left out.
with recursive step as (
    select origin, job, 1 as restarts from redrive_job where origin = any ($1::int8[]) and job <> origin
    union all
    select step.origin, next.job, step.restarts + 1
    from step
    join redrive_job next on next.origin = step.job and next.job <> next.origin
),
newest as (
    select distinct on (origin) origin, job, restarts from step order by origin, restarts desc
)
select origin as "origin!", job as "job!", restarts as "restarts!", kind as "outcome?", code as "code?",
       fingerprint as "fingerprint?", attempt as "attempt?", at as "ended_at?",
       case when before <= $3 then result end as "result?", before <= $3 as "fits!"
from (
    select newest.origin, newest.job, newest.restarts, o.kind, o.code, o.fingerprint, o.attempt, o.at,
           case when $2 then o.result end as result,
           coalesce(sum(case when $2 then octet_length(o.result) end)
               over (order by newest.origin rows between unbounded preceding and 1 preceding), 0) as before
    from newest
    left join lateral (
        select * from (select * from outcome x where x.first_id <= newest.job and x.first_id >= newest.job / 1000 * 1000
                       order by x.first_id desc limit 1) near where near.last_id >= newest.job) o on true
) ended
order by origin;
