-- How much is not settled yet, in jobs and in batches?
-- Index  none needed: after a round these tables are nearly empty.
-- Locks  none; one snapshot.
-- Gives  two counts.
select (select coalesce(sum(last_id - first_id + 1), 0) from ready)::int8
     + (select coalesce(sum(last_id - first_id + 1), 0) from later)::int8
     + (select coalesce(sum(last_id - first_id + 1), 0) from held where reason <> 'parked')::int8
     + (select count(*) from wait where n = 0)
     + (select coalesce(sum(upper(r) - lower(r)), 0) from lease, unnest(jobs) r)::int8 as jobs,
       (select count(*) from batch where state not in ('completed', 'completed_with_errors', 'failed', 'cancelled')) as batches;
