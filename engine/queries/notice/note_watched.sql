-- Ends the look of a callback at its batch: what it looks for has come ($3), which is noted, or will not come any more.
-- Index  callback_watch_pkey; batch_pkey; notice_of_batch.
-- Locks  the row; the new notice.
-- Gives  one affected row where something is noted.
with gone as (
    delete from callback_watch where batch = $1 and n = $2 returning batch, n, kind
)
insert into notice (tenant, kind, batch, n, data)
select batch.tenant, 'batch.' || gone.kind, batch.id, case when gone.kind = 'threshold' then gone.n else 0 end, $4
from gone join batch on batch.id = gone.batch
where $3::bool
on conflict do nothing;
