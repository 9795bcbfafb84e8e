-- Ends the items of earlier versions: a load replaces.
-- Index  category_item_pkey (category, added).
-- Locks  the ended rows; the caller holds the category's row.
-- Gives  as many affected rows as items ended.
update category_item set removed = $2
where category = $1 and added < $2 and removed is null;
