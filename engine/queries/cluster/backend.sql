-- Which process of the server answers this session?
-- Index  none.
-- Locks  none.
select pg_backend_pid() as "backend!";
