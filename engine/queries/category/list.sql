-- A page of categories.
-- Index  category_identity (tenant, name).
-- Locks  none.
-- Gives  up to $3 rows after the name $2.
select id, name, version, items, checksum, loaded_at, kept_from, deleted_at, deleted_by,
       deleted_at + greatest(retention, interval '1 hour') as "kept_until?"
from category
where tenant = $1 and name > $2 and deleted_at is null
order by name
limit $3;
