-- The delivery of an event to a webhook.
-- Index  delivery_event (tenant, webhook, event).
-- Locks  none.
-- Gives  one row or none.
select id from delivery where tenant = $1 and webhook = $2 and event = $3;
