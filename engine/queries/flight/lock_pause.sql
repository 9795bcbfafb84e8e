-- Locks the pause of a job that is about to be changed, if it has one: its end comes before or after.
-- Index  pause_job.
-- Locks  the pause.
select id from pause where tenant = $1 and job = $2 for key share;
