-- Which of these jobs exist.
-- Index  job_pkey.
-- Locks  none.
-- Gives  up to 1,000 ids, in order.
select id from job where tenant = $1 and id = any ($2) order by id;
