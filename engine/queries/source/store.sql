-- Keeps a block of what a batch's source gave.
-- Index  batch_pkey; both of the table are written, the one by object where the batch goes by objects.
-- Locks  the new rows; the caller holds the batch.
-- Gives  as many affected rows as were given.
insert into source_row (batch, by_object, n, key, object, document, left_out)
select $1, (select strategy = 'object' from batch where id = $1), n, key, object, document, left_out
from unnest($2::int8[], $3::text[], $4::text[], $5::text[], $6::text[]) as row (n, key, object, document, left_out);
