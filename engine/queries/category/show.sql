-- One category: its version and how many items that holds.
-- Index  category_identity.
-- Locks  none.
-- Gives  one row or none.
select id, name, version, items, checksum, loaded_at, kept_from, deleted_at, deleted_by,
       deleted_at + greatest(retention, interval '1 hour') as "kept_until?"
from category
where tenant = $1 and name = $2;
