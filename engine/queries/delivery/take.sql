-- Takes due deliveries for one try each: up to four a webhook, one of a webhook that fails, none of the webhooks $2 of the
-- tenants $3. Until $1 seconds from now nobody else takes them; what is not recorded by then is tried again.
-- Index  delivery_due (tenant, webhook, due), which is not read for a webhook that is off or disabled; delivery_asked for what
--        people asked for; delivery_pkey. Webhooks are few.
-- Locks  the rows, skip locked.
-- Gives  up to $4 rows.
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
            (select delivery.id, delivery.due
             from delivery
             where delivery.tenant = webhook.tenant and delivery.webhook = webhook.name and delivery.state = 'waiting'
               and delivery.asked and delivery.due <= clock.now
             order by delivery.due
             limit 4)
            union all
            (select delivery.id, delivery.due
             from delivery
             where webhook.enabled and webhook.disabled_at is null
               and delivery.tenant = webhook.tenant and delivery.webhook = webhook.name and delivery.state = 'waiting'
               and not delivery.asked and delivery.due <= clock.now
             order by delivery.due
             limit 4)
            order by due
            limit 4
        ) first
    ) due
    where (due.place = 1 or webhook.failing_since is null)
      and not exists (
          select from unnest($2::text[], $3::int4[]) as busy (name, tenant)
          where busy.tenant = webhook.tenant and busy.name = webhook.name)
    order by due.due
    limit $4
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
