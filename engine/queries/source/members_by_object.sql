-- The members that the source of a batch gave, grouped by object in byte order, rows in their own.
-- Index  source_row_object (batch, object, n).
-- Locks  none: rows of a source never change once they are seen.
select n, key, object, document
from source_row
where batch = $1 and (object, n) > ($2, $3) and left_out is null
order by object, n
limit $4;
