-- How many rows did a plan leave out, and why? For one that an earlier release sealed: it says so itself by now.
-- Index  left_out_pkey, as many entries as were left out.
-- Locks  none.
-- Gives  one row.
select count(*) filter (where reason = 'duplicate') as "duplicate!",
       count(*) filter (where reason <> 'duplicate') as "invalid!"
from left_out
where batch = $1;
