-- Marks workers dead that did not renew within the lease time. Nobody is declared dead by an outage of
-- ours: the server and the cluster's timeline must be a lease time old themselves.
-- Index  none; there are few workers.
-- Locks  the rows that it marks.
update worker
set dead_at = now()
where dead_at is null
  and seen < now() - make_interval(secs => $1)
  and pg_postmaster_start_time() < now() - make_interval(secs => $1)
  and (select since from cluster) < now() - make_interval(secs => $1)
returning id;
