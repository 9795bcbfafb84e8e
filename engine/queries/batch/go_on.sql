-- Lets a halted batch go on: so many bad endings are accepted, so many releases let through.
-- Index  batch_pkey.
-- Locks  the batch, held already.
update batch
set accepted = $2, let_through = $3, rules = $4, tripped = null, tripped_at = null, reason = null
where id = $1;
