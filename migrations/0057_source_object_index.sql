-- no-transaction
-- The rows of sources that are read object by object.
create index concurrently source_row_by_object on source_row (batch, object, n) where by_object;
