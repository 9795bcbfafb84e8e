-- Copies jobs; their extents follow in the same transaction.
-- Index  none.
-- Locks  new rows only.
copy job (id, tenant, lane, template_version, nonce, input) from stdin (format binary)
