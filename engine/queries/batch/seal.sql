-- Seals a plan: from now on the batch knows how many settlements to expect.
-- Index  batch_pkey.
-- Locks  the batch.
update batch
set state = case when $3::int8 = 0 then 'running' else 'planned' end,
    sealed = true, members = $2, jobs = $3, expected = $3, chunks = $4, selection_hash = $5, plan_hash = $6,
    planned_at = now(),
    released_at = case when $3::int8 = 0 then now() end,
    started_at = case when $3::int8 = 0 then now() end
where id = $1 and state = 'planning';
