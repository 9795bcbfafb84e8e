-- One delivery with its body.
-- Index  delivery_pkey; delivery_try_pkey.
-- Locks  none.
-- Gives  one row or none.
select delivery.id, delivery.webhook, delivery.event, delivery.kind, delivery.state, delivery.tries, delivery.due,
       delivery.created_at, delivery.ended_at, last.status as "status?", last.error as "error?", delivery.body
from delivery
left join delivery_try last on last.delivery = delivery.id and last.n = delivery.tries
where delivery.tenant = $1 and delivery.id = $2;
