-- A page of the items of one version of a category, in row order.
-- Index  category_item_pkey (category, added, n): one loaded version after another, merged by n.
-- Locks  none; a version's rows never change but for the end of their life.
-- Gives  up to $4 rows after n = $3.
select n, key, object, document
from category_item
where category = $1 and added <= $2 and (removed is null or removed > $2) and n > $3
order by n
limit $4;
