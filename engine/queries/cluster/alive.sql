-- Is anybody there? Asked on a connection that has been silent.
-- Index  none.
-- Locks  none.
select 1 as "one!";
