-- Deletes a piece of the items of one category that nobody may ask for any more: what ended longer ago than its
-- retention, an hour at least, so that no transaction of then is under way; or all, of one that was deleted so long ago.
-- Index  category_pkey, category_version_pkey, category_item_pkey (category, added, n); batch_open. Categories are few.
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
    order by category.id
    limit 1
    for update of category skip locked
),
page as materialized (
    select category_item.category, category_item.added, category_item.n
    from due, category_item
    where category_item.category = due.id and category_item.added < due.goal
      and (category_item.removed <= due.goal or due.is_deleted)
    order by category_item.added, category_item.n
    limit $2
),
gone as (
    delete from category_item using page
    where category_item.category = page.category and category_item.added = page.added and category_item.n = page.n
    returning 1
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
