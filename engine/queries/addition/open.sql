-- Opens a new batch: it takes more members until somebody closes it.
-- Index  batch_pkey.
-- Locks  the batch, this transaction's own.
update batch set opened = true, names_kept = true where id = $1;
