-- How many rows did a plan leave out, and why?
-- Index  left_out_pkey, as many entries as were left out.
-- Locks  none.
-- Gives  one row.
select count(*) filter (where reason = 'duplicate') as "duplicate!",
       count(*) filter (where reason = 'invalid') as "invalid!"
from left_out
where batch = $1;
