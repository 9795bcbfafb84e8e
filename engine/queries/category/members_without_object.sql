-- The members of a category at one version that have no object, rows in their own order.
-- Index  category_item_object (category, object, n).
-- Locks  none: rows of a version never change.
-- Gives  up to $4 rows, of which all but the last have at most $5 bytes together.
select n, key, object, document
from (
    select n, key, object, document,
           sum(octet_length(document)) over (order by object, n rows between unbounded preceding and 1 preceding) as before
    from (
        select n, key, object, document
        from category_item
        where category = $1 and added <= $2 and (removed is null or removed > $2)
          and object is null and n > $3
        -- by the index: there is one object here, none
        order by object, n
        limit $4
    ) found
) page
where coalesce(before, 0) <= $5
order by object, n;
