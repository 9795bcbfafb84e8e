-- What became of the jobs that a redrive let go? Bad is what failed or parked again, whatever the error of
-- those that had no fingerprint, and with the same one for the others; good is what ended, parked for
-- another reason, or rests.
-- Index  redrive_job_open; the holders' keys, one step back in their block.
-- Locks  the rows.
-- Gives  one row: how many are still open, and the first bad one.
with open as materialized (
    select redrive_job.job, redrive_job.fingerprint
    from redrive_job
    where redrive_job.redrive = $1 and verdict is null
    order by redrive_job.job
    limit 2000
),
seen as materialized (
    select open.job,
           case
               when ended.kind in ('failed', 'expired') then
                   case when open.fingerprint is null or ended.fingerprint is not distinct from open.fingerprint
                        then 'bad' else 'good' end
               when ended.kind is not null then 'good'
               when stopped.reason = 'parked' then
                   case when open.fingerprint is null or stopped.fingerprint is not distinct from open.fingerprint
                        then 'bad' else 'good' end
               when (select count(*) from wait where wait.job = open.job and wait.n = 0) > 0 then 'good'
           end as verdict
    from open
    left join lateral (
        select near.kind, near.fingerprint from (
            select outcome.kind, outcome.fingerprint, outcome.last_id from outcome
            where outcome.first_id <= open.job and outcome.first_id > open.job - 1000
            order by outcome.first_id desc limit 1) near
        where near.last_id >= open.job
    ) ended on true
    left join lateral (
        select held.reason, held.fingerprint from held where held.first_id = open.job offset 0
    ) stopped on true
),
judged as (
    update redrive_job set verdict = seen.verdict
    from seen
    where redrive_job.redrive = $1 and redrive_job.job = seen.job and seen.verdict is not null
)
select (select count(*) from redrive_job where redrive_job.redrive = $1 and verdict is null)
       - (select count(*) from seen where verdict is not null) as "open!",
       (select min(job) from seen where verdict = 'bad') as "bad?";
