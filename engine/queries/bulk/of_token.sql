-- The change that was started with a token.
-- Index  bulk_token.
-- Locks  none.
-- Gives  one row or none.
select id from bulk where tenant = $1 and token = $2;
