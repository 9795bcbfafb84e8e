-- Drops the deliveries of a webhook that is about to be deleted, before it: who records a try locks in that order.
-- Index  delivery_list (tenant, webhook, id); delivery_try_pkey.
-- Locks  the rows.
delete from delivery where tenant = $1 and webhook = $2;
