-- A batch expects so many settlements more. One that had ended is open again, in its next generation: its end is told anew.
-- Index  batch_pkey.
-- Locks  the batch, held already.
update batch
set expected = expected + $2,
    state = case when finished_at is null then state else 'running' end,
    generation = case when finished_at is null then generation else generation + 1 end,
    finished_at = null
where id = $1;
