-- Meets whoever tells or waits for the same: the locks end with the transaction. What they guard is read in the
-- next statement, for a snapshot is older than the lock it waits for.
-- Index  none.
-- Locks  advisory ones in the order of $1, which its caller sorts: alone where $2 says so, else shared.
-- Gives  how many.
select count(case when alone then pg_advisory_xact_lock(spot)::text else pg_advisory_xact_lock_shared(spot)::text end) as "spots!"
from unnest($1::int8[], $2::bool[]) meeting (spot, alone);
