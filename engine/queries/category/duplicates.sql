-- Which keys stand more than once in the load of version $2?
-- Index  category_item_pkey (category, added).
-- Locks  none; the rows are this transaction's own.
-- Gives  up to $3 pairs of row numbers with their key, in order of the second.
select d.key as "key!", d.first_n as "first_n!", d.n as "n!"
from (
    select key, n, min(n) over (partition by key) as first_n
    from category_item
    where category = $1 and added = $2) d
where d.n > d.first_n
order by d.n
limit $3;
