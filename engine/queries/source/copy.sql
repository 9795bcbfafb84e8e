-- Takes rows of a batch's source, in row order.
-- Index  none read; source_row's two are written, the one by object only where rows are read so.
-- Locks  the new rows.
-- Gives  as many affected rows as were sent.
copy source_row (batch, by_object, n, key, object, document, left_out) from stdin
