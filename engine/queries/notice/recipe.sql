-- The recipe of a batch, as it was when the batch was made.
-- Index  batch_pkey.
-- Locks  none.
-- Gives  one row.
select document from batch where id = $1;
