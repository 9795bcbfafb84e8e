-- Callbacks that look at how the jobs of their batch end, where any failed or all is over.
-- Index  callback_watch_pkey; batch_pkey; tally_batch.
-- Locks  none: each is noted under its own.
-- Gives  up to 100 rows after the batch $1 and the callback $2.
select watch.batch as "batch!", watch.n as "n!", watch.failed, watch.share,
       batch.finished_at is not null as "is_over!", told.bad as "bad!", told.completed as "completed!"
from callback_watch watch
join batch on batch.id = watch.batch
cross join lateral (
    select coalesce(sum(n) filter (where kind in ('failed', 'parked', 'expired')), 0)::int8
               - coalesce(sum(n) filter (where kind in ('restarted_failed', 'restarted_parked', 'restarted_expired')), 0)::int8 as bad,
           coalesce(sum(n) filter (where kind = 'completed'), 0)::int8 as completed
    from tally where tally.batch = watch.batch
) told
where (watch.batch, watch.n) > ($1::int8, $2::int4) and (told.bad > 0 or batch.finished_at is not null)
order by watch.batch, watch.n
limit 100;
