-- Keeps what the engine asks of a webhook's document. What changed is told again.
-- Index  webhook_pkey.
-- Locks  the row.
insert into webhook (tenant, name, revision, events, filter, enabled, disable_after_seconds)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (tenant, name) do update
set revision = excluded.revision, events = excluded.events, filter = excluded.filter, enabled = excluded.enabled,
    disable_after_seconds = excluded.disable_after_seconds, failing_since = null, disabled_at = null, disabled_why = null
where webhook.revision <> excluded.revision;
