-- The members of a category at one version, grouped by object in byte order, rows in their own.
-- Index  category_item_object (category, object, n).
-- Locks  none: rows of a version never change.
-- Gives  up to $5 rows, of which all but the last have at most $6 bytes together.
select n, key, object, document
from (
    select n, key, object, document,
           sum(octet_length(document)) over (order by object, n rows between unbounded preceding and 1 preceding) as before
    from (
        select n, key, object, document
        from category_item
        where category = $1 and added <= $2 and (removed is null or removed > $2)
          and (object, n) > ($3, $4)
        order by object, n
        limit $5
    ) found
) page
where coalesce(before, 0) <= $6
order by object, n;
