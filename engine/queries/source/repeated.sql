-- Which keys stand more than once in the source of batch $1?
-- Index  source_row_pkey (batch, n).
-- Locks  none; the rows are this transaction's own.
-- Gives  up to $2 keys with their first and last row, in order of the first; how many keys and rows there are in all.
with repeated as (
    select key, count(*) as times, min(n) as first_n, max(n) as last_n
    from source_row
    where batch = $1 and left_out is null
    group by key
    having count(*) > 1
)
select key, times as "times!", first_n as "first_n!", last_n as "last_n!",
       count(*) over () as "keys!", (sum(times) over ())::int8 as "rows!"
from repeated
order by first_n
limit $2;
