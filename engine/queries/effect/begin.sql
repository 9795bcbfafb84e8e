-- Begins effects that were noted as never begun: the note is gone before the call leaves.
-- Index  request_key_pkey.
-- Locks  the keys, in order.
-- Gives  the idempotency keys of those that were.
with locked as materialized (
    select request_key.key
    from unnest($3::text[], $4::bytea[]) asked (key, step)
    join request_key on request_key.tenant = $1 and request_key.scope = 'effect' and request_key.key = asked.key
    where request_key.job = $2 and request_key.hash = asked.step and request_key.unbegun
    order by request_key.key
    for update of request_key
)
update request_key set unbegun = false
from locked
where request_key.tenant = $1 and request_key.scope = 'effect' and request_key.key = locked.key
returning request_key.hash as step;
