-- A drained worker says that it is gone.
-- Index  worker_pkey.
-- Locks  the worker's row.
update worker set dead_at = now() where id = $1 and dead_at is null;
