-- The name of a tenant.
-- Index  tenant_pkey.
-- Locks  none.
-- Gives  one row or none.
select name from tenant where id = $1;
