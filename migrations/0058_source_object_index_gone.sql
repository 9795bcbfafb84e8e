-- no-transaction
-- `source_row_by_object` is in its place.
drop index concurrently source_row_object;
