-- What a job is, apart from what happened to it, for whoever changes it in flight; and the time.
-- Index  job_pkey.
-- Locks  none: none of it changes, but for the version and its lane, which only the job's holder changes.
select job.lane, job.template_version, job.batch, job.nonce, job.member_key, job.object, job.input, job.created_at, job.timeout,
       job.retry_revision,
       now() + (select clock_offset from cluster) as "now!"
from job
where job.tenant = $1 and job.id = $2;
