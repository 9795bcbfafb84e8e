-- Notes that other bytes say what a category says, the keys of its items too: they need not be read again.
-- Index  category_pkey.
-- Locks  the category's row, held already.
-- Gives  one affected row.
update category set checksum = $2, key_rule = $3 where id = $1;
