-- Writes what became of a slot; one that waits, or is let through for later ($8), stays planned, with the reason.
-- It is noted where a webhook wants to hear of it.
-- Index  slot_pkey. Webhooks are few.
-- Locks  the slot, after its schedule; the new notice.
with moved as (
    update slot
    set state = $4, reason = $5, batch = $6, job = $7, not_before = coalesce($8, not_before),
        decided_at = case when $4 = 'planned' then null else now() end
    where tenant = $1 and schedule = $2 and at = $3 and (state = 'planned' or $4 = 'manual')
    returning tenant, schedule, at, state, reason, batch, job
)
insert into notice (tenant, kind, schedule, slot_at, data)
select tenant, 'slot.' || state, schedule, at, json_build_object('reason', reason, 'batch', batch, 'job', job)::text
from moved
where state <> 'planned' and exists (
    select from webhook
    where webhook.tenant = moved.tenant and enabled and ('slot.*' = any (events) or 'slot.' || moved.state = any (events)));
