-- Copies the members of a block of planned jobs.
-- Index  none.
-- Locks  new rows, after the batch.
copy member (batch, job, n, chunk, key, object, document) from stdin (format binary)
