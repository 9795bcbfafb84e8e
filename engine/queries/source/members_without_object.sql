-- The members that the source of a batch gave without an object, in its order.
-- Index  source_row_object (batch, object, n).
-- Locks  none: rows of a source never change once they are seen.
select n, key, object, document
from source_row
where batch = $1 and object is null and n > $2 and left_out is null
-- by the index: there is one object here, none
order by object, n
limit $3;
