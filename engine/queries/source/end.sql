-- The whole source of a batch stands in its rows: it can be planned.
-- Index  batch_pkey.
-- Locks  the batch, until what repeats is decided.
-- Gives  no affected row when the source is not $2's to read any more.
update batch set gathered = true, source_claim = null, source_until = null, reason = null
where id = $1 and source_claim = $2 and state = 'planning' and not gathered;
