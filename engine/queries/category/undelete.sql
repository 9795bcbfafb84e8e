-- Brings a deleted category back while all of its items are there.
-- Index  category_identity.
-- Locks  the category's row.
-- Gives  one affected row, or none.
update category set deleted_at = null, deleted_by = null
where tenant = $1 and name = $2 and deleted_at is not null and kept_from <= greatest(version, 1);
