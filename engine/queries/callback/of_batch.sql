-- The callbacks of a batch that came, with what was made of them.
-- Index  callback_batch (batch, notice, n); notice_pkey; delivery_event.
-- Locks  none.
-- Gives  up to 100 rows, by time.
select callback.kind, notice.generation, notice.at, callback.webhook, callback.purpose, callback.job, callback.problem,
       delivery.id as "delivery?", delivery.state as "delivery_state?"
from callback
join notice on notice.id = callback.notice
left join delivery on delivery.tenant = callback.tenant and delivery.webhook = callback.webhook
    and delivery.event = 'evt_' || replace(callback.notice::text, '-', '') || '_' || callback.n
where callback.batch = $1 and callback.tenant = $2
order by notice.at, callback.n
limit 100;
