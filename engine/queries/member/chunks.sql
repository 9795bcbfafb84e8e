-- How many chunks does a job read?
-- Index  member_job (job, chunk, n).
-- Locks  none.
select coalesce(max(chunk), 0) as "chunks!"
from member
where job = $1;
