-- Locks counters, so that no lease under them can change until the commit.
-- Index  limit_use_pkey.
-- Locks  the counters, in key order.
select key from limit_use where key = any ($1) order by key for update;
