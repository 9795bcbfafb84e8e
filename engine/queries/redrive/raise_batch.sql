-- A batch expects so many settlements more, and is open again if it had ended.
-- Index  batch_pkey.
-- Locks  the batch, held already.
update batch
set expected = expected + $2,
    state = case when finished_at is null then state else 'running' end,
    finished_at = null
where id = $1;
