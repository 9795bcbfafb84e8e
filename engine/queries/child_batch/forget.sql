-- Nobody is to be told of this batch any more.
-- Index  child_batch_pkey.
-- Locks  the row.
update child_batch set over = true where batch = $1 and not over;
