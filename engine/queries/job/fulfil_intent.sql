-- Forgets a wish that has come true, or that nothing can fulfil any more.
-- Index  intent_pkey.
-- Locks  the row.
delete from intent where id = $1;
