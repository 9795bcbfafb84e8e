-- Leaves out all rows of a key but its first, or its last where $2.
-- Index  source_row_pkey (batch, n).
-- Locks  the rows that are left out; they are this transaction's own.
-- Gives  as many affected rows as were left out.
update source_row
set left_out = 'duplicate'
from (
    select key, case when $2::bool then max(n) else min(n) end as kept
    from source_row
    where batch = $1 and left_out is null
    group by key
    having count(*) > 1
) repeated
where source_row.batch = $1 and source_row.left_out is null
  and source_row.key = repeated.key and source_row.n <> repeated.kept;
