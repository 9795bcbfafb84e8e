-- The names of all documents of one kind, to find the one that somebody meant.
-- Index  configuration_pkey (tenant, kind, name).
-- Locks  none.
-- Gives  each name once.
select distinct name from configuration where tenant = $1 and kind = $2 limit 1000;
