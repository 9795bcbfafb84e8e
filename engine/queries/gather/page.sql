-- The next events of some types, up to a position.
-- Index  event_kind (tenant, kind, pos), once a type.
-- Locks  none.
-- Gives  up to 100 rows in their order.
select event.pos as "pos!", event.data as "data!"
from unnest($4::text[]) asked (kind)
cross join lateral (
    select pos, data from event
    where event.tenant = $1 and event.kind = asked.kind and event.pos > $2 and event.pos <= $3
    order by pos limit 100
) event
order by event.pos
limit 100;
