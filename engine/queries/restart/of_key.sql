-- Which restart of a batch was begun under this key?
-- Index  redrive_key.
-- Locks  none: the batch is locked.
-- Gives  one row or none.
select id, print as "print!" from redrive where batch = $1 and idempotency_key = $2;
