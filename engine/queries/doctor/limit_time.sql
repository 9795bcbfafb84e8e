-- Lets each statement of this transaction last so long at most: a look must not keep a snapshot for minutes.
-- Index  none.
-- Locks  none; the setting ends with the transaction.
-- Gives  one row.
select set_config('statement_timeout', $1, true) as timeout;
