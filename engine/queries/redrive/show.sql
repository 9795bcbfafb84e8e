-- One redrive, and what became of the jobs that it let go.
-- Index  redrive_pkey; redrive_job_pkey.
-- Locks  none.
-- Gives  one row or none.
select redrive.id, redrive.fingerprint, redrive.batch, redrive.jobs, redrive.rate, redrive.canary, redrive.failed_too, redrive.generation,
       redrive.state, redrive.reason, redrive.moved, redrive.who, redrive.why, redrive.created_at, redrive.finished_at,
       (select count(*) from redrive_job where redrive_job.redrive = redrive.id and verdict = 'good') as "good!",
       (select count(*) from redrive_job where redrive_job.redrive = redrive.id and verdict = 'bad') as "bad!"
from redrive
where redrive.tenant = $1 and redrive.id = $2;
