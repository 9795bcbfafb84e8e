-- Which keys stand more than once in the load of version $2, the newest?
-- Index  category_item_pkey (category, added, n), for it alone has this order.
-- Locks  none; the rows are this transaction's own.
-- Gives  up to $3 pairs of row numbers with their key, in order of the second.
select d.key as "key!", d.first_n as "first_n!", d.n as "n!"
from (
    select key, n, min(n) over (partition by key) as first_n
    from (select key, n from category_item where category = $1 and added >= $2 order by added, n offset 0) load) d
where d.n > d.first_n
order by d.n
limit $3;
