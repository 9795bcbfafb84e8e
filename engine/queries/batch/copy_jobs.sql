-- Copies a block of planned jobs; their extents follow in the same transaction. Each stands in the lane of its limits.
-- Index  none.
-- Locks  new rows, after the batch.
copy job (id, tenant, lane, template_version, batch, nonce, member_key, object, input, timeout, retry_revision) from stdin (format binary)
