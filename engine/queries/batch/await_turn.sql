-- Lets this transaction be idle for longer: a block of a plan waits for the one before it, whose statements are under limits
-- of their own.
-- Index  none.
-- Locks  none; the setting ends with the transaction.
-- Gives  one row.
select set_config('idle_in_transaction_session_timeout', '10min', true) as timeout;
