-- A batch's source stays $2's to read, for $3 seconds more.
-- Index  batch_pkey.
-- Locks  the batch.
-- Gives  no affected row when it is not any more: given up, cancelled, or another's.
update batch set source_until = now() + make_interval(secs => $3)
where id = $1 and source_claim = $2 and state = 'planning' and not gathered;
