-- Which index is to be made for items that were there before it? Its category is locked, so that nothing is loaded or
-- forgotten meanwhile; the statement after this one sees what was.
-- Index  category_index_open, category_pkey.
-- Locks  the category's row, skipped where somebody has it.
-- Gives  one row or none.
select category_index.id
from category_index
join category on category.id = category_index.category
where not is_dropped and not is_whole
order by category_index.id
limit 1
for update of category skip locked;
