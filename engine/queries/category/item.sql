-- What does the current version of a category have under a key?
-- Index  category_identity; category_item_key, all versions of the key.
-- Locks  none.
-- Gives  one row, whose item may be missing; none without the category.
select item.n as "n?", item.document as "document?"
from category
left join lateral (
    select n, document
    from category_item
    where category_item.category = category.id and category_item.key = $3
      and added <= category.version and (removed is null or removed > category.version)
    limit 1
) item on true
where category.tenant = $1 and category.name = $2 and category.deleted_at is null;
