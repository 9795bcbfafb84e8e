-- Webhooks that are told anything, and what they take.
-- Index  none; webhooks are few.
-- Locks  none.
-- Gives  up to 1,000 rows.
select name, events, filter
from webhook
where tenant = $1 and enabled and disabled_at is null
order by name
limit 1000;
