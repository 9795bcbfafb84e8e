-- How far the jobs of a cancelled batch were asked to end. Two that ask at once ask no less for it.
-- Index  batch_pkey.
-- Locks  the batch.
update batch set cancel_cursor = $2 where id = $1 and cancel_cursor < $2;
