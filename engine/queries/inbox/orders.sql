-- What people ordered of a job, oldest first, and whether its lease still stands.
-- Index  inbox_pkey, lease_pkey.
-- Locks  none.
select exists (
           select from lease where lease.claim = $2 and lease.n = $3 and lease.jobs @> $1::int8
       ) as "leased!",
       (select data from inbox where inbox.job = $1 and inbox.kind = 'order' order by inbox.id limit 1) as "order?";
