-- The newest job that was made anew of each of these, of that again, and so on, and what became of it.
-- Index  redrive_job_anew; outcome_pkey, one step back inside the block of 1,000.
-- Locks  none.
-- Gives  a row for each of $1 that was made anew; results only with $2.
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
select newest.origin as "origin!", newest.job as "job!", newest.restarts as "restarts!",
       o.kind as "outcome?", o.code as "code?", o.fingerprint as "fingerprint?", o.attempt as "attempt?",
       o.at as "ended_at?", case when $2 then o.result end as "result?"
from newest
left join lateral (
    select * from (select * from outcome x where x.first_id <= newest.job and x.first_id >= newest.job / 1000 * 1000
                   order by x.first_id desc limit 1) near where near.last_id >= newest.job) o on true
order by newest.origin;
