-- Renews a worker's life and answers with what it should stop, and with a transaction that was acknowledged.
-- No row: it was marked dead; it must drop everything and enter again.
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
       ) as "stops!",
       -- the beat before this one: as seen here, it is committed
       (select next.xid - (next.xid - worker.xmin::text::int8 & 4294967295)
        from worker cross join (select pg_snapshot_xmax(pg_current_snapshot())::text::int8 as xid) next
        where worker.id = $1) as "acknowledged!"
from beat;
