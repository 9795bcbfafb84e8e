-- What was this job given?
-- Index  job_pkey.
-- Locks  none.
-- Gives  one row or none.
select input from job where tenant = $1 and id = $2;
