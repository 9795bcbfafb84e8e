-- Sets up a transaction on a database that a batch is read from: how long a statement may take, and how times are written.
-- Index  none.
-- Locks  none; the settings end with the transaction.
-- Gives  one row.
select set_config('statement_timeout', $1, true) as statement_timeout,
       set_config('idle_in_transaction_session_timeout', '0', true) as idle_timeout,
       set_config('lock_timeout', '20s', true) as lock_timeout,
       set_config('cursor_tuple_fraction', '1', true) as fraction,
       set_config('timezone', 'UTC', true) as zone,
       set_config('datestyle', 'ISO, YMD', true) as dates,
       set_config('intervalstyle', 'iso_8601', true) as intervals,
       set_config('bytea_output', 'hex', true) as bytes;
