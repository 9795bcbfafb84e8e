-- Adds deliveries of events to webhooks; each webhook is told an event once.
-- Index  delivery_event; webhook_pkey.
-- Locks  the new rows; the webhooks, for key share.
-- Gives  how many are new.
insert into delivery (tenant, webhook, event, kind, body, due, asked)
select $1, one.webhook, one.event, one.kind, one.body, now() + cluster.clock_offset, $6
from unnest($2::text[], $3::text[], $4::text[], $5::text[]) with ordinality as one (webhook, event, kind, body, place)
join webhook on webhook.tenant = $1 and webhook.name = one.webhook
cross join cluster
order by one.place
on conflict on constraint delivery_event do nothing;
