-- Takes the rows of one load of a category, in row order.
-- Index  none read; category_item's three are written.
-- Locks  the new rows; the caller holds the category's row.
-- Gives  as many affected rows as items.
copy category_item (category, added, n, key, object, document) from stdin
