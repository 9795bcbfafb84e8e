-- The members of a category at one version, in the order of its rows.
-- Index  category_item_order (category, n).
-- Locks  none: rows of a version never change.
select n, key, object, document
from category_item
where category = $1 and added <= $2 and (removed is null or removed > $2) and n > $3
order by n
limit $4;
