-- Copies a block of planned jobs, each in the lane of its limits; cursor and extents follow in the same transaction.
-- Index  none.
-- Locks  new rows, which nobody sees before the cursor of their batch has moved.
copy job (id, tenant, lane, template_version, batch, nonce, member_key, object, input, timeout, retry_revision) from stdin (format binary)
