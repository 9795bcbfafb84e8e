-- A batch expects so many settlements more, of jobs that it has yet to release.
-- Index  batch_pkey.
-- Locks  the batch, held already.
update batch
set expected = expected + $2, released = released - $2,
    state = case when state = 'paused' then state else 'releasing' end,
    finished_at = null
where id = $1;
