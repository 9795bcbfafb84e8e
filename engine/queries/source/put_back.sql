-- A source is nobody's to read for $3 seconds; $5 tries were none. $4 says why, to whoever looks at the batch.
-- Index  batch_pkey.
-- Locks  the batch.
-- Gives  no affected row when it was not $2's.
update batch
set source_claim = null, source_until = now() + make_interval(secs => $3), reason = coalesce($4, reason),
    source_tries = source_tries - $5
where id = $1 and source_claim = $2 and state = 'planning' and not gathered;
