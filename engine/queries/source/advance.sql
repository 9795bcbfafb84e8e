-- A block of a batch's source was read: the next begins at $3, after row $4. Whoever gets on has its tries again where $6.
-- Index  batch_pkey.
-- Locks  the batch, until its rows are in.
-- Gives  no affected row when the source is not $2's to read any more.
update batch
set source_cursor = $3, source_n = $4, source_until = now() + make_interval(secs => $5),
    source_tries = case when $6::bool then 1 else source_tries end
where id = $1 and source_claim = $2 and state = 'planning' and not gathered;
