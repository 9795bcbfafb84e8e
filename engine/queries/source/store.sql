-- Keeps a block of what a batch's source gave.
-- Index  none read; both of the table are written.
-- Locks  the new rows; the caller holds the batch.
-- Gives  as many affected rows as were given.
insert into source_row (batch, n, key, object, document, left_out)
select $1, n, key, object, document, left_out
from unnest($2::int8[], $3::text[], $4::text[], $5::text[], $6::text[]) as row (n, key, object, document, left_out);
