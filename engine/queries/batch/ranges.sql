-- The ids of the jobs of a plan, in the order of its members.
-- Index  batch_range_pkey.
-- Locks  none: a sealed plan keeps its ranges.
select first_id, last_id from batch_range where batch = $1 order by first_id;
