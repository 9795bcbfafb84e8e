-- Deletes a piece of the marks of an index that no document names any more, and with the last of them the index.
-- Index  category_index_open; category_mark_pkey.
-- Locks  the index, skipped where somebody has it; the marks.
-- Gives  one row or none: how many marks went, and whether there are no more.
with due as materialized (
    select id from category_index
    where is_dropped
    order by id
    limit 1
    for update skip locked
),
page as materialized (
    select mark.index, mark.mark, mark.n, mark.added
    from due cross join lateral (
        select index, mark, n, added from category_mark where category_mark.index = due.id limit $1) mark
),
gone as (
    delete from category_mark using page
    where category_mark.index = page.index and category_mark.mark = page.mark
      and category_mark.n = page.n and category_mark.added = page.added
    returning 1
),
done as (
    delete from category_index using due
    where category_index.id = due.id and (select count(*) from page) < $1
)
select (select count(*) from gone) as "marks!", (select count(*) from page) < $1 as "is_last!" from due;
