-- Records what came of a try, by whoever took it and was not overtaken: the delivery is done, dead, or waits $4 seconds; its
-- webhook fares well, or fails since then, and is disabled when it did for too long or says itself that it is gone ($9).
-- Index  delivery_pkey; delivery_try_pkey; webhook_pkey.
-- Locks  the delivery, then its webhook; the new rows.
-- Gives  one row: whether the try still counted, and whether its webhook was disabled.
with clock as materialized (
    select now() + clock_offset as now from cluster
),
logged as (
    insert into delivery_try (delivery, n, milliseconds, status, error, answer)
    select id, $2, $5, $6, $7, $8 from delivery where id = $1
    on conflict do nothing
),
mine as (
    update delivery
    set state = $3, due = case when $3 = 'waiting' then clock.now + make_interval(secs => $4) else due end,
        ended_at = case when $3 <> 'waiting' then now() end
    from clock
    where id = $1 and tries = $2 and state = 'waiting'
    returning delivery.tenant, delivery.webhook, delivery.id, delivery.event, delivery.kind
),
before as materialized (
    select webhook.tenant, webhook.name, webhook.disabled_at is null and $3 <> 'delivered'
               and ($9 or webhook.failing_since < clock.now - make_interval(secs => webhook.disable_after_seconds)) as ends
    from mine
    join webhook on webhook.tenant = mine.tenant and webhook.name = mine.webhook
    cross join clock
    for update of webhook
),
fared as (
    update webhook
    set failing_since = case when $3 = 'delivered' then null else coalesce(failing_since, clock.now) end,
        disabled_at = case when $3 = 'delivered' then null when before.ends then clock.now else disabled_at end,
        disabled_why = case when $3 = 'delivered' then null when before.ends then coalesce($7, 'it answered ' || $6) else disabled_why end
    from before, clock
    where webhook.tenant = before.tenant and webhook.name = before.name
      and (before.ends or (webhook.failing_since is null) <> ($3 = 'delivered') or webhook.disabled_at is not null)
),
noted as (
    insert into notice (tenant, kind, data)
    select tenant, 'webhook.disabled', json_build_object('webhook', name, 'why', coalesce($7, 'it answered ' || $6))::text
    from before where ends
    union all
    select tenant, 'webhook.dead', json_build_object('webhook', webhook, 'delivery', 'v_' || id, 'event', event, 'type', kind)::text
    from mine where $3 = 'dead' and kind not like 'webhook.%'
)
select exists (select from mine) as "is_mine!", coalesce((select ends from before), false) as "disabled!";
