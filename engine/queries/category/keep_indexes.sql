-- Gives a category an index of each field in $3 and of no other one. A new one is whole where there are no items; else
-- a duty marks those of the versions until now.
-- Index  category_identity, category_index_field; one entry of any index of the items.
-- Locks  the new rows and those that are dropped; the caller holds the category's row, as do all that write marks.
-- Gives  as many affected rows as indexes are new.
with kept as materialized (
    select id, version from category where tenant = $1 and name = $2
),
dropped as (
    update category_index set is_dropped = true
    from kept
    where category_index.category = kept.id and not is_dropped and field <> all($3::text[])
)
insert into category_index (category, field, until, is_whole)
select kept.id, wanted.field, kept.version, not exists (select from category_item where category_item.category = kept.id)
from kept cross join unnest($3::text[]) with ordinality wanted (field, place)
order by wanted.place
on conflict (category, field) where not is_dropped do nothing;
