-- May this transaction change partitions? One at a time: the next statement sees what the last one left.
-- Index  none.
-- Locks  the turn, until the transaction ends; never waits for it.
select pg_try_advisory_xact_lock(7595437347160483950) as "is_mine!";
