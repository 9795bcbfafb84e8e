-- Forgets changes that ended long ago, of which nothing else is left.
-- Index  bulk_finished, bulk_refused_pkey, bulk_page_pkey.
-- Locks  the rows.
delete from bulk
where id in (
    select id from bulk
    where finished_at < now() - make_interval(secs => $1)
      and not exists (select from bulk_refused where bulk_refused.bulk = bulk.id)
      and not exists (select from bulk_page where bulk_page.bulk = bulk.id)
    order by finished_at limit 100);
