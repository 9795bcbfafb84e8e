-- A batch expects so many settlements more. One that had ended is open again; in its next generation, whose end is told
-- anew, where $3 says that it is this batch which somebody wants done again.
-- Index  batch_pkey.
-- Locks  the batch, held already.
update batch
set expected = expected + $2,
    state = case when finished_at is null then state else 'running' end,
    generation = generation + case when $3 and finished_at is not null then 1 else 0 end,
    finished_at = null
where id = $1;
