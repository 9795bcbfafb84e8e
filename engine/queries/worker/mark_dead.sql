-- Marks workers dead that did not renew within the lease time. Nobody is declared dead by an outage of
-- ours: the server and the cluster's timeline must be a lease time old themselves, and be those that are known:
-- a standby that was promoted has an old start, and workers need time to find it.
-- Index  none; there are few workers.
-- Locks  the rows that it marks.
update worker
set dead_at = now()
where dead_at is null
  and seen < now() - make_interval(secs => $1)
  and pg_postmaster_start_time() < now() - make_interval(secs => $1)
  and (select since < now() - make_interval(secs => $1)
              and (system_identifier is null or (system_identifier, timeline) = (
                  select system_identifier, ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int4
                  from pg_control_system()))
       from cluster)
returning id;
