-- Marks the items that the newest load has brought, of version $2, in every index of their category, also in one that is
-- not whole yet.
-- Index  category_index_field; category_item_pkey (category, added, n), for it alone has this order.
-- Locks  the new rows; the caller holds the category's row.
-- Gives  as many affected rows as marks.
insert into category_mark (index, mark, n, added)
select found.id, found.mark, found.n, found.added
from (
    select category_index.id, item_mark(item.document, category_index.field) as mark, item.n, item.added
    from (select n, added, document from category_item where category = $1 and added >= $2 order by added, n offset 0) item
    cross join category_index
    where category_index.category = $1 and not is_dropped
    offset 0) found
where found.mark is not null
order by found.id, found.mark, found.n;
