-- Puts the rows of the load of version $2 that nothing stood for behind all others, in their order. They stood from row
-- $3 on, beyond any other.
-- Index  category_item_order (category, n), the rows beyond and, backwards, the one before them.
-- Locks  this transaction's own rows; the caller holds the category's row.
-- Gives  as many affected rows as items are new.
with last as materialized (
    select coalesce((select n from category_item where category = $1 and n < $3 order by n desc limit 1), 0) as n
),
taken as (
    delete from category_item
    where category = $1 and n >= $3
    returning n, key, object, document
)
insert into category_item (category, added, n, key, object, document)
select $1, $2, last.n + row_number() over (order by taken.n), taken.key, taken.object, taken.document
from taken cross join last;
