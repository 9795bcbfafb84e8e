-- Marks a category as deleted: nothing selects from it any more, its items stay for its retention.
-- Index  category_identity.
-- Locks  the category's row; the caller holds the tenant's apply lock.
-- Gives  one affected row, or none where it is deleted already or unknown.
update category set deleted_at = coalesce($4::timestamptz, now()), deleted_by = $3
where tenant = $1 and name = $2 and deleted_at is null;
