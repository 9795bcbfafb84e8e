-- From now on the job is of another version, and in that one's lane: the one thing about a job that changes.
-- Index  job_pkey.
-- Locks  the job's row; the job was taken out of its holder in this transaction, so nobody reads it to run it.
update job set template_version = $3, lane = $4 where id = $2 and tenant = $1;
