-- The members of a category at one version that an index finds under one of the probes $4, grouped by object in byte
-- order, those without one first, rows in their own. All that the index finds are read for each page: the caller counted
-- that they are few.
-- Index  category_index_pkey; category_mark_pkey (index, mark); category_item_pkey.
-- Locks  none: rows of a version never change.
-- Gives  up to $7 rows behind ($5, $6). One without n where there are none; no row where the index is not whole or was
--        dropped, so that nobody takes that for an end.
with usable as materialized (
    select field from category_index where id = $3 and is_whole and not is_dropped
),
wanted as materialized (
    select distinct item_mark(probe, usable.field) as mark from usable cross join unnest($4::text[]) probe
),
entry as materialized (
    select item.added, item.n, coalesce(item.object, '') as object
    from wanted
    join category_mark on index = $3 and category_mark.mark = wanted.mark and category_mark.added <= $2
    cross join lateral (
        select added, n, object
        from category_item
        where category = $1 and category_item.added = category_mark.added and category_item.n = category_mark.n
          and (removed is null or removed > $2)
        limit 1) item
),
page as materialized (
    select added, n, object
    from entry
    where (object, n) > ($5::text, $6::bigint)
    order by object, n
    limit $7
)
select page.n as "n?", page.added as "added?", item.key as "key?", item.object as "object?", item.document as "document?"
from usable
left join page on true
left join lateral (
    select key, object, document
    from category_item
    where category = $1 and category_item.added = page.added and category_item.n = page.n
    limit 1) item on true
order by page.object, page.n;
