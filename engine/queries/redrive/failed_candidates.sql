-- The next failed jobs of a redrive, and their batches. One that was made anew already is left out.
-- Index  outcome_fingerprint for a fingerprint; else outcome_bad; redrive_job_anew.
-- Locks  none: the batches come first.
-- Gives  up to $7 rows after $5.
-- A plan for both ways in: the condition on $2 alone decides, before either begins, which one runs.
select found.first_id as "job!", coalesce(found.batch, 0) as "batch!"
from (
    select first_id, last_id, batch from outcome
    where $2::text is null and tenant = $1 and kind = 'failed' and first_id > $5 and first_id <= $6
    union all
    select first_id, last_id, batch from outcome
    where $2 is not null and tenant = $1 and kind = 'failed' and fingerprint = $2 and first_id > $5 and first_id <= $6
) found
left join batch on batch.id = found.batch
where found.first_id = found.last_id
  and ($3::int8 is null or found.batch = $3)
  and ($4::int8[] is null or found.first_id = any ($4))
  and (batch.id is null or (batch.state not in ('cancelled', 'failed') and batch.cancelling_at is null))
  and not exists (
      select from redrive_job where redrive_job.origin = found.first_id and redrive_job.job <> redrive_job.origin)
order by found.first_id
limit $7;
