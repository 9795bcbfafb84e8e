-- Which version of a child did the template of a job pin?
-- Index  job_pkey; template_version_pkey.
-- Locks  none: versions never change.
-- Gives  one row; null when it pins none.
select template_version.pins ->> $2::text as "version?"
from job
join template_version on template_version.id = job.template_version
where job.id = $1;
