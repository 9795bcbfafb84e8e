-- Lets this transaction's statements last: a load may be of millions of rows.
-- Index  none.
-- Locks  none; the setting ends with the transaction.
-- Gives  one row.
select set_config('statement_timeout', '30min', true) as timeout;
