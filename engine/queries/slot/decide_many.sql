-- Writes one verdict on due slots ($3) that do not run. They are noted where a webhook wants to hear of them.
-- Index  slot_pkey (tenant, schedule, at). Webhooks are few.
-- Locks  the slots, after their schedule; the new notices.
-- Gives  how many.
with decided as (
    update slot
    set state = $4, reason = $5, decided_at = now()
    where tenant = $1 and schedule = $2 and at = any ($3::timestamptz[]) and state = 'planned'
    returning tenant, schedule, at, state, reason
),
noted as (
    insert into notice (tenant, kind, schedule, slot_at, data)
    select tenant, 'slot.' || state, schedule, at, json_build_object('reason', reason, 'batch', null, 'job', null)::text
    from decided
    where exists (
        select from webhook
        where webhook.tenant = decided.tenant and enabled and ('slot.*' = any (events) or 'slot.' || decided.state = any (events)))
)
select count(*) as "slots!" from decided;
