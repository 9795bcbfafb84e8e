-- In which lanes do these jobs stand?
-- Index  job_pkey.
-- Locks  none: a job never changes.
select distinct lane from job where id = any ($1) order by lane;
