-- Writes down that too much of a batch failed, and what is done about it ($2): once, until a person lets it go on.
-- Index  batch_pkey.
-- Locks  the batch, held already.
update batch
set tripped = $2, tripped_at = now(), reason = $3,
    state = case when $2 = 'fail' then 'running' else state end,
    released_at = case when $2 = 'fail' then coalesce(released_at, now()) else released_at end
where id = $1 and tripped is null;
