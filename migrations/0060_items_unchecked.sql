-- The items of a category are loaded by whoever holds their category, which is what their reference said once an item.
alter table category_item drop constraint category_item_category_fkey;
