-- The members of a category at one version that have one of the keys $5, in the order of its rows.
-- Index  category_item_key (category, key).
-- Locks  none: rows of a version never change.
-- Gives  up to $4 rows after row $3.
select n, key, object, document
from category_item
where category = $1 and key = any($5) and added <= $2 and (removed is null or removed > $2) and n > $3
order by n
limit $4;
