-- Callbacks that want a job of a purpose and have none yet.
-- Index  callback_open (notice, n).
-- Locks  none: the job's key is theirs for ever.
-- Gives  up to 100 rows between two notices.
select notice, n, tenant, batch, kind, purpose as "purpose!", input
from callback
where purpose is not null and job is null and problem is null and notice >= $1 and notice <= $2
order by notice, n
limit 100;
