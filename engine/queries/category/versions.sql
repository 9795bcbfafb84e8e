-- The loads of a category, the latest first.
-- Index  category_version_pkey, read backwards.
-- Locks  none.
-- Gives  up to $3 rows before the version $2.
select version, items, added, changed, removed, left_out, origin, loaded_by, loaded_at
from category_version
where category = $1 and version < $2
order by version desc
limit $3;
