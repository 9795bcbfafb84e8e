-- What have our sessions left behind?
-- Index  none: views of the server.
-- Locks  none.
-- Gives  sessions idle in a transaction for 5 s, advisory locks, and connections beside our own.
select (select count(*) from pg_stat_activity
        where datname = current_database() and state like 'idle in transaction%'
          and state_change < now() - interval '5 seconds') as idle_in_transaction,
       (select count(*) from pg_locks where locktype = 'advisory') as advisory_locks,
       (select count(*) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()
          and application_name not like 'chaos%') as connections;
