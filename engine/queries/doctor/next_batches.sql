-- The next batches after $1, and how many jobs each has, so that a page is cut by work.
-- Index  batch_pkey.
-- Locks  none.
-- Gives  up to 100 rows.
select id, jobs from batch where id > $1 order by id limit 100;
