-- The members that the source of a batch gave without an object, in its order.
-- Index  source_row_by_object (batch, object, n).
-- Locks  none: rows of a source never change once they are seen.
-- Gives  up to $3 rows, of which all but the last have at most $4 bytes together.
select n, key, object, document
from (
    select n, key, object, document,
           sum(octet_length(document)) over (order by object, n rows between unbounded preceding and 1 preceding) as before
    from (
        select n, key, object, document
        from source_row
        where batch = $1 and by_object and object is null and n > $2 and left_out is null
        -- by the index: there is one object here, none
        order by object, n
        limit $3
    ) found
) page
where coalesce(before, 0) <= $4
order by object, n;
