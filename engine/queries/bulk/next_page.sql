-- The page of a change that is due first, and those of its jobs that this round has not come to.
-- Index  bulk_page_due.
-- Locks  none: who takes a job out of it decides.
-- Gives  one row or none.
select n, rounds, array(
           select id
           from unnest(todo) range cross join lateral generate_series(lower(range), upper(range) - 1) id
           where id > after_id
           order by id) as "ids!"
from bulk_page
where bulk = $1 and due <= now()
order by due, n
limit 1;
