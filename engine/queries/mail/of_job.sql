-- What was told to this job and what its machine has not taken.
-- Index  inbox_pkey.
-- Locks  none.
-- Gives  up to 1,000 letters, oldest first.
select id, kind, data, at + (select clock_offset from cluster) as "at!"
from inbox
where job = $1 and kind <> 'order'
order by id
limit 1000;
