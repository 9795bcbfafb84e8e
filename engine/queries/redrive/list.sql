-- A page of redrives, newest first.
-- Index  redrive_tenant, backwards; redrive_job_pkey.
-- Locks  none.
-- Gives  up to $3 rows before $2.
select redrive.id, redrive.fingerprint, redrive.batch, redrive.jobs, redrive.rate, redrive.canary, redrive.failed_too, redrive.generation,
       redrive.state, redrive.reason, redrive.moved, redrive.who, redrive.why, redrive.created_at, redrive.finished_at,
       (select count(*) from redrive_job where redrive_job.redrive = redrive.id and verdict = 'good') as "good!",
       (select count(*) from redrive_job where redrive_job.redrive = redrive.id and verdict = 'bad') as "bad!"
from redrive
where redrive.tenant = $1 and redrive.id < $2
order by redrive.id desc
limit $3;
