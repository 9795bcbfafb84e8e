-- The members that the source of a batch gave, in its order.
-- Index  source_row_pkey (batch, n).
-- Locks  none: rows of a source never change once they are seen.
select n, key, object, document
from source_row
where batch = $1 and n > $2 and left_out is null
order by n
limit $3;
