-- Which is the last row that a category ever had?
-- Index  category_item_order (category, n).
-- Locks  none.
-- Gives  one row, null where there is none.
select (select n from category_item where category = $1 order by n desc limit 1) as last;
