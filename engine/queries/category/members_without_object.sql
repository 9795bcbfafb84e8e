-- The members of a category at one version that have no object, rows in their own order.
-- Index  category_item_object (category, object, n).
-- Locks  none: rows of a version never change.
select n, key, object, document
from category_item
where category = $1 and added <= $2 and (removed is null or removed > $2)
  and object is null and n > $3
-- by the index: there is one object here, none
order by object, n
limit $4;
