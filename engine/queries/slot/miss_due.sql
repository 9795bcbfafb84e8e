-- Marks the due slots of a schedule missed whose recipe cannot be followed.
-- They are noted where a webhook wants to hear of them.
-- Index  slot_pkey (tenant, schedule, at). Webhooks are few.
-- Locks  the slots; the new notices.
-- Gives  how many, and the last of them.
with missed as (
    update slot
    set state = 'missed', reason = $4, decided_at = now()
    where tenant = $1 and schedule = $2 and state = 'planned' and fire_at <= $3
    returning tenant, schedule, at, reason
),
noted as (
    insert into notice (tenant, kind, schedule, slot_at, data)
    select tenant, 'slot.missed', schedule, at, json_build_object('reason', reason)::text
    from missed
    where exists (
        select from webhook
        where webhook.tenant = missed.tenant and enabled and ('slot.*' = any (events) or 'slot.missed' = any (events)))
)
select count(*) as "slots!", max(at) as last from missed;
