-- What is to be published next?
-- Index  event_new_pkey.
-- Locks  none: the publisher is alone.
select id, tenant, kind from event_new order by id limit 500;
