-- Marks a piece of the items that were there before their index.
-- Index  category_index_pkey; category_item_pkey (category, added, n), from where the last piece ended.
-- Locks  the index; the caller holds the category's row.
-- Gives  one row: how many items were looked at.
with due as materialized (
    select id, category, field, until, marked_added, marked_n
    from category_index
    where id = $1 and not is_dropped and not is_whole
),
page as materialized (
    select item.added, item.n, item_mark(item.document, due.field) as mark
    from due cross join lateral (
        select added, n, document
        from category_item
        where category_item.category = due.category and added <= due.until
          and (added, n) > (due.marked_added, due.marked_n)
        order by added, n
        limit $2) item
),
marked as (
    insert into category_mark (index, mark, n, added)
    select due.id, page.mark, page.n, page.added from due, page where page.mark is not null
),
moved as (
    update category_index
    set marked_added = coalesce((select added from page order by added desc, n desc limit 1), category_index.marked_added),
        marked_n = coalesce((select n from page order by added desc, n desc limit 1), category_index.marked_n),
        is_whole = (select count(*) from page) < $2
    from due
    where category_index.id = due.id
)
select count(*) as "items!" from page;
