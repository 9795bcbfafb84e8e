-- Which categories have another number of items than they say, or items of a version to come?
-- Index  category_pkey; category_item_order, category by category.
-- Locks  none; one snapshot, and a load is one transaction.
-- Gives  one row or none: how many, and the first $1 of them.
with wrong as (
    select category.name, 'says ' || category.items || ' items, has ' || has.items || ' and ' || has.early || ' too early' as detail
    from category
    cross join lateral (
        select count(*) filter (where removed is null or removed > category.version) as items,
               count(*) filter (where added > category.version) as early
        from category_item where category_item.category = category.id
    ) has
    -- of a deleted one the items go a piece at a time
    where category.kept_from <= greatest(category.version, 1) and (category.items <> has.items or has.early > 0)
)
select 'category_differs' as "code!", count(*) as "found!",
       (array_agg(name order by name))[1:$1::int4] as "subjects!", (array_agg(detail order by name))[1:$1::int4] as "details!"
from wrong
having count(*) > 0;
