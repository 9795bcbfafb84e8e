-- Deletes a piece of the items of one category that nobody may ask for any more: what ended longer ago than its
-- retention, an hour at least, so that no transaction of then is under way; or all, of one that was deleted so long ago.
-- Their marks go with them; while an index is made nothing goes, so that all marks are seen.
-- Index  category_pkey, category_version_pkey, category_item_ended (category, removed), category_item_pkey, category_index_field,
--        category_mark_pkey; batch_open. Categories are few.
-- Locks  the category's row, skipped where somebody has it; the rows that go.
-- Gives  one row or none: how many items went, and whether that was the last of them.
with clock as materialized (
    select coalesce($1::timestamptz, now()) as now
),
due as materialized (
    select category.id, category.version, gone.is_deleted,
           case when gone.is_deleted then category.version + 1 else past.version end as goal
    from category
    cross join clock
    cross join lateral (
        select category.deleted_at is not null
               and category.deleted_at <= clock.now - greatest(category.retention, interval '1 hour') as is_deleted
    ) gone
    left join lateral (
        select version from category_version
        where category_version.category = category.id
          and loaded_at <= clock.now - greatest(category.retention, interval '1 hour')
        order by version desc
        limit 1
    ) past on true
    where category.cleaned < case when gone.is_deleted then category.version + 1 else past.version end
      and not exists (
          select from batch
          where batch.finished_at is null and batch.state = 'planning' and batch.category = category.id
            and (gone.is_deleted or batch.category_version < past.version))
      and not exists (select from category_index where category_index.category = category.id and not is_dropped and not is_whole)
    order by category.id
    limit 1
    for update of category skip locked
),
page as materialized (
    select ended.*
    from due cross join lateral (
        select ctid as spot, category, added, n, document
        from category_item
        where category_item.category = due.id and not due.is_deleted and removed is not null and removed <= due.goal
        order by removed
        limit $2) ended
    union all
    select rest.*
    from due cross join lateral (
        select ctid as spot, category, added, n, document
        from category_item
        where category_item.category = due.id and due.is_deleted and added < due.goal
        order by added, n
        limit $2) rest
),
-- By their places: nobody changes items or marks while the category is locked, and a join would look at all there are.
gone as (
    delete from category_item where ctid = any (array(select spot from page)) returning 1
),
unmarked as (
    delete from category_mark
    where ctid = any (array(
        select entry.spot
        from page
        join category_index on category_index.category = page.category and not is_dropped
        cross join lateral (
            select ctid as spot from category_mark
            where index = category_index.id and mark = item_mark(page.document, category_index.field)
              and n = page.n and added = page.added
            offset 0) entry))
),
noted as (
    update category
    set kept_from = greatest(category.kept_from, due.goal),
        items = case when due.is_deleted then 0 else category.items end,
        checksum = case when due.is_deleted then null else category.checksum end,
        cleaned = case when (select count(*) from page) < $2 then due.goal else category.cleaned end
    from due
    where category.id = due.id
)
select (select count(*) from gone) as "items!", (select count(*) from page) < $2 as "is_last!" from due;
