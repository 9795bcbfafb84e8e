-- Keeps what a load did.
-- Index  category_version_pkey.
-- Locks  the new row; the caller holds the category's row.
-- Gives  one affected row.
insert into category_version (category, version, items, added, changed, removed, origin, loaded_by, left_out)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9);
