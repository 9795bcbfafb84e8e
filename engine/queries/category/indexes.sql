-- The indexes of a category that its document names, and how many items the category has.
-- Index  category_index_field.
-- Locks  none.
-- Gives  a row an index, in the order in which they were named.
select category_index.id, field, is_whole, category.items
from category_index
join category on category.id = category_index.category
where category_index.category = $1 and not is_dropped
order by category_index.id;
