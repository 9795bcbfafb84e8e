-- A worker says that it takes no more work.
-- Index  worker_pkey.
-- Locks  the worker's row.
update worker set draining = true where id = $1;
