-- The members that the source of a batch gave, grouped by object in byte order, rows in their own.
-- Index  source_row_by_object (batch, object, n).
-- Locks  none: rows of a source never change once they are seen.
-- Gives  up to $4 rows, of which all but the last have at most $5 bytes together.
select n, key, object, document
from (
    select n, key, object, document,
           sum(octet_length(document)) over (order by object, n rows between unbounded preceding and 1 preceding) as before
    from (
        select n, key, object, document
        from source_row
        where batch = $1 and by_object and (object, n) > ($2, $3) and left_out is null
        order by object, n
        limit $4
    ) found
) page
where coalesce(before, 0) <= $5
order by object, n;
