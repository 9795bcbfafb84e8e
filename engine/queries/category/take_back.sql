-- Takes back the rows of a load that says what its category says already.
-- Index  category_item_pkey (category, added).
-- Locks  the rows, which are this transaction's own.
-- Gives  as many affected rows as items.
delete from category_item where category = $1 and added = $2;
