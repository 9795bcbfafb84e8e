-- Forgets idempotency keys whose hold has run out.
-- Index  request_key_expiry.
-- Locks  the rows, skip locked.
with old as materialized (
    select tenant, scope, key
    from request_key
    where expires_at < now()
    order by expires_at
    limit 1000
    for update skip locked
)
delete from request_key using old
where request_key.tenant = old.tenant and request_key.scope = old.scope and request_key.key = old.key
  and request_key.expires_at < now();
