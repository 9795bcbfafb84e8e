-- The members of a category at one version that a filter may keep, in the order of its rows, from row $3 to row $4.
-- Index  category_item_order (category, n). What documents say has none: see docs/selections.md.
--        `+ 0` keeps Postgres from the primary key, of which it would read every entry for a few.
-- Locks  none: rows of a version never change.
-- Gives  up to $5 rows. What jsonb may not take, for a NUL or endless digits, comes back too. The text $12 is looked for
--        first: finding it takes a tenth of what reading the document takes.
select n, key, object, document
from category_item
where category = $1 and added + 0 <= $2 and (removed is null or removed > $2) and n > $3 and n <= $4
  and ($6::text is null or key >= $6) and ($7::text is null or key <= $7)
  and ($8::text[] is null or object = any($8))
  and ($9::text is null or object >= $9) and ($10::text is null or object is null or object <= $10)
  and case when strpos(document, coalesce($12::text, '')) = 0 and $12::text is not null then false
           when $11::text is null or octet_length(document) > 8000 or strpos(document, '\u0000') > 0 then true
           else document::jsonb @@ (select $11::text::jsonpath) end
order by n
limit $5;
