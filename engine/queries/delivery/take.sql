-- Takes due deliveries for one try each: up to four a webhook, one of a webhook that fails. Until $1 seconds from now nobody
-- else takes them; what is not recorded by then is tried again.
-- Index  delivery_due (tenant, webhook, due); delivery_pkey. Webhooks are few.
-- Locks  the rows, skip locked.
-- Gives  up to 16 rows.
with clock as materialized (
    select now() + clock_offset as now from cluster
),
candidate as materialized (
    select due.id
    from webhook
    cross join clock
    cross join lateral (
        select first.id, first.due, row_number() over (order by first.due) as place
        from (
            select delivery.id, delivery.due
            from delivery
            where delivery.tenant = webhook.tenant and delivery.webhook = webhook.name and delivery.state = 'waiting'
              and delivery.due <= clock.now and (delivery.asked or webhook.enabled and webhook.disabled_at is null)
            order by delivery.due
            limit 4
        ) first
    ) due
    where due.place = 1 or webhook.failing_since is null
    order by due.due
    limit 16
),
locked as materialized (
    select delivery.id
    from delivery
    cross join clock
    where delivery.id = any (array(select id from candidate)) and delivery.state = 'waiting' and delivery.due <= clock.now
    order by delivery.id
    for update of delivery skip locked
)
update delivery
set tries = tries + 1, due = clock.now + make_interval(secs => $1), asked = false
from locked, clock
where delivery.id = locked.id
returning delivery.id, delivery.tenant, delivery.webhook, delivery.event, delivery.kind, delivery.body, delivery.tries;
