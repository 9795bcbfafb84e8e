-- The handlers that workers announced in this tenant.
-- Index  handler_pkey.
-- Locks  none.
-- Gives  each once, bounded: a tenant has hundreds.
select name, version, input_schema from handler where tenant = $1 order by name, version limit 10000;
