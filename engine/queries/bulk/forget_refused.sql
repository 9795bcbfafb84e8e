-- Forgets what changes that ended long ago could not change, 10,000 rows at a time.
-- Index  bulk_finished, bulk_refused_pkey.
-- Locks  the rows.
delete from bulk_refused
where (bulk, job) in (
    select old.bulk, old.job
    from (select id from bulk where finished_at < now() - make_interval(secs => $1) order by finished_at limit 100) ended
    cross join lateral (select bulk, job from bulk_refused where bulk_refused.bulk = ended.id order by job limit 10000) old
    limit 10000);
