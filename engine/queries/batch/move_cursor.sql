-- Moves a plan's cursor, if no other planner has moved it.
-- Index  batch_pkey.
-- Locks  the batch.
update batch set cursor_n = $3
where id = $1 and state = 'planning' and cursor_n = $2;
