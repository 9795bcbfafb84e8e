-- Changes what a batch goes by from now on; null leaves window and priority as they are.
-- Index  batch_pkey.
-- Locks  the batch, held already.
update batch
set rules = $2, judged = $3, release_window = coalesce($4, release_window), priority = coalesce($5, priority)
where id = $1;
