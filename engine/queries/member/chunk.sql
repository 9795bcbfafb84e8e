-- The members of one chunk of a job, in order.
-- Index  member_job (job, chunk, n).
-- Locks  none: members never change.
select key, object, document
from member
where job = $1 and chunk = $2
order by n;
