-- How many settlements has a batch had?
-- Index  tally_batch.
-- Locks  none.
select coalesce(sum(n), 0)::int8 as "settled!"
from tally
where batch = $1 and kind <> 'chunk_members';
