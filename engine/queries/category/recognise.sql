-- Notes that other bytes say what a category says: they need not be read again.
-- Index  category_pkey.
-- Locks  the category's row, held already.
-- Gives  one affected row.
update category set checksum = $2 where id = $1;
