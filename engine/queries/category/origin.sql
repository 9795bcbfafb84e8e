-- Where do the items of a category's version come from?
-- Index  category_version_pkey.
-- Locks  none.
-- Gives  one row or none.
select origin from category_version where category = $1 and version = $2;
