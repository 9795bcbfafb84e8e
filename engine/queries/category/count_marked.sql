-- How many marks would a reader of an index meet, of those in $2 and up to $3 of them?
-- Index  category_mark_pkey (index, mark).
-- Locks  none.
-- Gives  one row. Marks of what has ended since count: who reads meets them too.
select count(*) as "marks!"
from (
    select
    from (
        select distinct item_mark(probe, category_index.field) as mark
        from category_index cross join unnest($2::text[]) probe
        where id = $1) wanted
    cross join lateral (
        select from category_mark where index = $1 and category_mark.mark = wanted.mark limit $3) found
    limit $3) met;
