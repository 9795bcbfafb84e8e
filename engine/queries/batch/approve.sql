-- Approves a plan: the batch goes on. One without jobs has nothing to release.
-- Index  batch_pkey.
-- Locks  the batch, held already.
update batch
set asking = false, reason = null, approved_at = now(), approved_by = $2,
    state = case when jobs = 0 then 'running' else 'releasing' end,
    released_at = case when jobs = 0 then now() end,
    started_at = case when jobs = 0 then now() end
where id = $1;
