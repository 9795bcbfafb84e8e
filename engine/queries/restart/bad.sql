-- The next jobs of a batch that failed or expired and were not made anew.
-- Index  batch_range_pkey, anew_range_pkey; outcome_bad (tenant, kind, first_id); redrive_job_anew; job_pkey where
--        members are named.
-- Locks  none: the batch is locked, and an ending stays.
-- Gives  up to $7 ids after $5, and how each ended.
-- Ranges in their order, so that a pass reads no further than its page.
with range as (
    select first_id, last_id
    from (
        select first_id, last_id from batch_range where batch = $2 and last_id > $5
        union all
        select first_id, last_id from anew_range where batch = $2 and last_id > $5
    ) of_batch
    order by first_id
    offset 0
)
select one.job as "job!", one.kind as "kind!"
from range
cross join lateral (
    select ended.job, outcome.kind
    from outcome
    cross join lateral generate_series(greatest(outcome.first_id, $5 + 1), least(outcome.last_id, $6)) ended (job)
    where outcome.tenant = $1 and outcome.batch = $2 and outcome.kind = any ('{failed,expired}')
      and outcome.first_id >= range.first_id and outcome.first_id <= range.last_id
      and ($3::text is null or outcome.fingerprint = $3)
      and not exists (
          select from redrive_job where redrive_job.origin = ended.job and redrive_job.job <> redrive_job.origin)
      and ($4::text[] is null or exists (
          select from job where job.id = ended.job and (job.member_key = any ($4)
             or job.object = any ($4) and (select strategy from batch where id = $2) = 'object')))
    order by ended.job
    limit $7
) one
order by range.first_id, one.job
limit $7;
