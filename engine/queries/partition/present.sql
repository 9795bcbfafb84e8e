-- Which partitions are there?
-- Index  none of ours: the catalogue of Postgres.
-- Locks  none.
select child.relname::text as "name!"
from pg_inherits
join pg_class child on child.oid = pg_inherits.inhrelid
where pg_inherits.inhparent in ('job'::regclass, 'journal'::regclass, 'head'::regclass, 'outcome'::regclass);
