-- A new incarnation of a worker begins.
-- Index  worker_pkey.
-- Locks  the new row.
insert into worker (id, slots, version, host, roles, capabilities)
values ($1, $2, $3, $4, $5, $6);
