-- Ends the items whose keys the load of version $2 brings with something else, and puts its rows in their places. They
-- stood from row $3 on, beyond any other.
-- Index  category_item_order (category, n), the rows beyond and those that end; category_item_key (category, key), a look
--        a row.
-- Locks  the ended rows and this transaction's own; the caller holds the category's row.
-- Gives  as many affected rows as items changed.
with pair as materialized (
    select new.n as from_n, old.n
    from category_item new
    cross join lateral (
        select n
        from category_item old
        where old.category = $1 and old.key = new.key and old.added < $2 and old.removed is null
        limit 1) old
    where new.category = $1 and new.n >= $3
),
ended as (
    update category_item set removed = $2
    where category = $1 and n = any(array(select n from pair)) and added < $2 and removed is null
),
taken as (
    delete from category_item
    where category = $1 and added = $2 and n = any(array(select from_n from pair))
    returning n, key, object, document
)
insert into category_item (category, added, n, key, object, document)
select $1, $2, pair.n, taken.key, taken.object, taken.document
from taken join pair on pair.from_n = taken.n;
