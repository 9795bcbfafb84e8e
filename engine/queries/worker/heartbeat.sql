-- Renews a worker's life and answers with what it should stop. No row: it was marked dead; it must
-- drop everything and enter again.
-- Index  worker_pkey, lease_worker.
-- Locks  the worker's row.
with beat as (
    update worker set seen = now()
    where id = $1 and dead_at is null
    returning id, now() as at
)
select beat.at as "at!",
       array(
           select id
           from lease
           cross join lateral unnest(lease.stop) as range
           cross join lateral generate_series(lower(range), upper(range) - 1) as id
           where lease.worker = $1 and not isempty(lease.stop)
       ) as "stops!"
from beat;
