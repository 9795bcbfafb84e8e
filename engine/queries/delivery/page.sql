-- A page of a webhook's deliveries, latest first, with what came of the last try.
-- Index  delivery_list (tenant, webhook, id), backwards; delivery_try_pkey.
-- Locks  none.
-- Gives  up to $4 rows before the id $3.
select delivery.id, delivery.webhook, delivery.event, delivery.kind, delivery.state, delivery.tries, delivery.due,
       delivery.created_at, delivery.ended_at, last.status as "status?", last.error as "error?"
from delivery
left join delivery_try last on last.delivery = delivery.id and last.n = delivery.tries
where delivery.tenant = $1 and delivery.webhook = $2 and delivery.id < $3
order by delivery.id desc
limit $4;
