-- Tells listeners that there is new work.
-- Index  none.
-- Locks  none beyond the notification queue.
select pg_notify($1, '');
