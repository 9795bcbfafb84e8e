-- Deletes a webhook with its document in every revision; its deliveries are dropped already.
-- Index  configuration_pkey; webhook_pkey.
-- Locks  the rows; the caller holds the tenant's apply lock.
-- Gives  one affected row, or none.
with documents as (
    delete from configuration where tenant = $1 and kind = 'webhook' and name = $2
)
delete from webhook where tenant = $1 and name = $2;
