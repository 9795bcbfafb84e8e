-- Which children does nobody want any more?
-- Index  child_closing; job_pkey.
-- Locks  none.
-- Gives  up to 100, oldest wish first.
select child.job, child.parent, job.tenant
from child join job on job.id = child.job
where child.closing_at is not null
order by child.closing_at
limit 100;
