-- Why did a worker give this job back unspent?
-- Index  deferral_pkey.
-- Locks  none.
-- Gives  one row or none; it holds as long as the job is due at `until`.
select why, until from deferral where job = $1;
