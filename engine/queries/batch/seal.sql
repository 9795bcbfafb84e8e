-- Seals a plan: from now on the batch knows how many settlements to expect, and the context $10 that its jobs share. One
-- that asks ($7, in words $9) stays planned for at most $8 seconds.
-- Index  batch_pkey; left_out_pkey, as many entries as were left out.
-- Locks  the batch.
update batch
set state = case when $3::int8 = 0 and $7::text is null then 'running' else 'planned' end,
    sealed = true, members = $2, jobs = $3, expected = $3, chunks = $4, selection_hash = $5, plan_hash = $6,
    planned_at = now(), left_out = (select count(*) from left_out where left_out.batch = $1),
    released_at = case when $3::int8 = 0 and $7::text is null then now() end,
    started_at = case when $3::int8 = 0 and $7::text is null then now() end,
    asks = $7, asking = $7::text is not null, reason = $9,
    context = coalesce($10, context),
    ask_until = case when $7::text is not null then now() + clock_offset + make_interval(secs => $8) end
from cluster
where id = $1 and state = 'planning';
