-- Makes takers of jobs under these keys go one after another, until the commit. Claims do not wait.
-- Index  none.
-- Locks  advisory, in the keys' order; in a statement of its own, because the lock of a statement that
--        looks as well would come too late for its snapshot.
select pg_advisory_xact_lock(hashtextextended('windlass limit ' || $1::int4 || ' ' || key, 0))
from (select key from unnest($2::text[]) as key order by key) sorted;
