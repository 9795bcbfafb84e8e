-- Forgets the pause of a job that somebody cancels: a cancel is stronger.
-- Index  pause_job.
-- Locks  the row.
delete from pause where tenant = $1 and job = $2;
