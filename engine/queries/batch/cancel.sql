-- Marks a batch that is to end, with who wants it and why. One whose plan is sealed ends when its last job has
-- settled; one that is still planned has nothing to wait for.
-- Index  batch_pkey.
-- Locks  the batch, held already.
update batch
set state = case when sealed then 'running' else 'cancelled' end,
    finished_at = case when not sealed then now() end,
    released_at = coalesce(released_at, now()),
    cancelling_at = now(), cancelled_by = $2, cancelled_why = $3,
    asking = false, reason = $4
where id = $1;
