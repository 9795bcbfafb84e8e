-- Gives a new batch its lane.
-- Index  batch_pkey.
-- Locks  the row, held already.
update batch set lane = $2 where id = $1;
