-- Tells listeners that there is new work. It is only said, so nobody waits until its commit is on disk.
-- Index  none.
-- Locks  none beyond the notification queue.
select set_config('synchronous_commit', 'off', true) as "relaxed!", pg_notify($1, '')::text as "told!";
