-- Writes one row for many slots of the past that had none: one verdict on all of them. It is noted once, where a webhook
-- wants to hear of it.
-- Index  none; webhooks are few.
-- Locks  the new row, after its schedule; the new notice.
-- Gives  one row.
with written as (
    insert into slot (tenant, schedule, at, fire_at, until, n, covers, previous, state, reason, revision, zone_data,
                      decided_at, start_by, finish_by)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, now(), $13, $14)
    returning tenant, schedule, at, until, n, state, reason
),
noted as (
    insert into notice (tenant, kind, schedule, slot_at, data)
    select tenant, 'slot.' || state, schedule, at, json_build_object('reason', reason, 'until', until, 'n', n)::text
    from written
    where exists (
        select from webhook
        where webhook.tenant = written.tenant and enabled and ('slot.*' = any (events) or 'slot.' || written.state = any (events)))
)
select n as "n!" from written;
