-- Makes this tenant's applies wait for each other, until the transaction ends.
-- Index  none; an advisory lock, taken in a statement of its own because a snapshot is older than
--        the lock it waited for.
-- Locks  (the constant 7003, tenant).
-- Gives  one row of nothing.
select pg_advisory_xact_lock(7003, $1)::text as locked;
