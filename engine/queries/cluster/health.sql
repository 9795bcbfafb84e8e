-- Does this server keep what it commits, and may it be written to?
-- Index  none.
-- Locks  none.
select
    current_setting('server_version') as "server_version!",
    pg_is_in_recovery() as "in_recovery!",
    current_setting('fsync') as "fsync!",
    current_setting('full_page_writes') as "full_page_writes!",
    current_setting('synchronous_commit') as "synchronous_commit!";
