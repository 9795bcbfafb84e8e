-- One webhook and how it fares.
-- Index  webhook_pkey; delivery_due.
-- Locks  none.
-- Gives  one row or none; waiting deliveries are counted up to 1,000.
select name, revision, events, filter, enabled, failing_since, disabled_at, disabled_why,
       (select count(*) from (
           select from delivery
           where delivery.tenant = webhook.tenant and delivery.webhook = webhook.name and delivery.state = 'waiting'
           limit 1000) waiting) as "waiting!"
from webhook
where tenant = $1 and name = $2;
