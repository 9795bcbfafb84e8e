-- How many of the jobs that a batch released have settled? One that was redriven is open again.
-- Index  tally_batch.
-- Locks  none.
select coalesce(sum(case when kind like 'restarted_%' then -n else n end), 0)::int8 as "settled!"
from tally
where batch = $1 and kind <> 'chunk_members';
