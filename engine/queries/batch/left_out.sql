-- A page of the rows that the plan left out.
-- Index  left_out_pkey (batch, n).
-- Locks  none.
-- Gives  up to $3 rows after n = $2.
select n, key, reason from left_out where batch = $1 and n > $2 order by n limit $3;
