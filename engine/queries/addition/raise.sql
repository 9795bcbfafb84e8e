-- A batch has more members and jobs, and expects their settlements; its hashes are chained to those before.
-- Index  batch_pkey.
-- Locks  the batch, held already.
update batch
set members = members + $2, jobs = jobs + $3, added = added + $3, expected = expected + $3, chunks = chunks + $4,
    left_out = left_out + $5, selection_hash = $6, plan_hash = $7,
    state = case when $3 = 0 or state in ('planned', 'paused') then state else 'releasing' end
where id = $1;
