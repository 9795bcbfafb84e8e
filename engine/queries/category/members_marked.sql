-- The members of a category at one version that an index finds under one of the probes $4, in the order of their rows.
-- Index  category_index_pkey; category_mark_pkey (index, mark, n, added), a range a mark, merged by n; category_item_pkey.
-- Locks  none: rows of a version never change.
-- Gives  up to $7 rows behind ($5, $6), those of other versions and those that cannot be meant without a key. One without
--        n where there are none; no row where the index is not whole or was dropped, so that nobody takes that for an end.
with usable as materialized (
    select field from category_index where id = $3 and is_whole and not is_dropped
),
wanted as materialized (
    select distinct item_mark(probe, usable.field) as mark from usable cross join unnest($4::text[]) probe
),
entry as materialized (
    select found.n, found.added
    from wanted cross join lateral (
        select n, added
        from category_mark
        where index = $3 and category_mark.mark = wanted.mark and (n, added) > ($5::bigint, $6::int) and added <= $2
        order by n, added
        limit $7) found
    order by found.n, found.added
    limit $7
)
select entry.n as "n?", entry.added as "added?", item.key as "key?", item.object as "object?", item.document as "document?"
from usable
left join entry on true
left join lateral (
    select key, object, document
    from category_item
    where category = $1 and category_item.added = entry.added and category_item.n = entry.n
      and (removed is null or removed > $2)
      and ($8::text[] is null or object = any($8))
    limit 1) item on true
order by entry.n, entry.added;
