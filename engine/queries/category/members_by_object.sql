-- The members of a category at one version, grouped by object in byte order, rows in their own.
-- Index  category_item_object (category, object, n).
-- Locks  none: rows of a version never change.
select n, key, object, document
from category_item
where category = $1 and added <= $2 and (removed is null or removed > $2)
  and (object, n) > ($3, $4)
order by object, n
limit $5;
