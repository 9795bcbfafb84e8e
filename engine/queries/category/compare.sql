-- How does the load of version $2 of a category differ from what was in it before?
-- Index  category_item_pkey (category, added).
-- Locks  none; the caller holds the category's row.
-- Gives  one row of counts; `moved` are those that stand in another row and say the same.
select count(*) filter (where old.key is null) as "added!",
       count(*) filter (where new.key is null) as "removed!",
       count(*) filter (where old.document <> new.document or old.object is distinct from new.object
                          and old.key is not null and new.key is not null) as "changed!",
       count(*) filter (where old.document = new.document and old.object is not distinct from new.object
                          and old.n <> new.n) as "moved!"
from (select n, key, object, document from category_item where category = $1 and added = $2) new
full join (
    select n, key, object, document from category_item where category = $1 and added < $2 and removed is null) old
    on old.key = new.key;
