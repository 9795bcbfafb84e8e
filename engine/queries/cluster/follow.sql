-- Is this another server, or another timeline, than the cluster was on? Then it is noted, and nobody is
-- marked dead until a lease time later.
-- Index  none: one row.
-- Locks  the row.
-- Gives  a row when it moved: from where to where, whether anybody had looked before, and the next
--        transaction of this history.
with server as materialized (
    select system_identifier, ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int4 as timeline
    from pg_control_system()
),
known as materialized (
    select system_identifier, timeline from cluster
)
update cluster
set system_identifier = server.system_identifier,
    timeline = server.timeline,
    since = case when known.system_identifier is null then cluster.since else now() end
from server cross join known
where (known.system_identifier, known.timeline) is distinct from (server.system_identifier, server.timeline)
  and (cluster.system_identifier, cluster.timeline) is not distinct from (known.system_identifier, known.timeline)
returning known.timeline as "timeline_before!", server.timeline as "timeline!",
          known.system_identifier is not null as "was_known!",
          known.system_identifier is distinct from server.system_identifier as "is_other_server!",
          pg_snapshot_xmax(pg_current_snapshot())::text::int8 as "position!";
