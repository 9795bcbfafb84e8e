-- Makes a load the current version of its category.
-- Index  category_pkey.
-- Locks  the category's row, held already.
-- Gives  one affected row.
update category set version = $2, items = $3, checksum = $4, key_rule = $5, loaded_at = now() where id = $1;
