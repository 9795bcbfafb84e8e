-- A page of webhooks with how they fare.
-- Index  webhook_pkey; delivery_due, delivery_list.
-- Locks  none.
-- Gives  up to $3 rows after the name $2; waiting ones are counted up to 1,000.
select name, revision, events, filter, enabled, failing_since, disabled_at, disabled_why,
       (select count(*) from (
           select from delivery
           where delivery.tenant = webhook.tenant and delivery.webhook = webhook.name and delivery.state = 'waiting'
           limit 1000) waiting) as "waiting!"
from webhook
where tenant = $1 and name > $2
order by name
limit $3;
