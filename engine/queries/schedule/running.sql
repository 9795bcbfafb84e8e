-- Jobs that a template's own schedule started, as far as it is not known that they have ended.
-- Index  schedule_job_pkey (tenant, schedule, job).
-- Locks  none.
-- Gives  up to 100 rows, oldest first.
select job
from schedule_job
where tenant = $1 and schedule = $2
order by job
limit 100;
