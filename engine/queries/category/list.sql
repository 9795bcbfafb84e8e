-- A page of categories.
-- Index  category_identity (tenant, name).
-- Locks  none.
-- Gives  up to $3 rows after the name $2.
select id, name, version, items, checksum, loaded_at from category
where tenant = $1 and name > $2
order by name
limit $3;
