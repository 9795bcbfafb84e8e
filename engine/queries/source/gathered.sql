-- Notes that the whole source of a batch stands in its rows.
-- Index  batch_pkey.
-- Locks  the batch.
-- Gives  no affected row when the batch is not being planned any more.
update batch set staged = true, gathered = true, source_hash = coalesce($2, source_hash) where id = $1 and state = 'planning';
