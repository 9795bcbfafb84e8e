-- Deletes rows of a source that nothing reads any more: its batch is planned, or never will be.
-- Index  batch_staged (id); source_row_pkey (batch, n).
-- Locks  the batch, then up to $1 of its rows.
-- Gives  how many went, and one more for a batch that has none left.
with over as materialized (
    select id from batch where staged and state <> 'planning' order by id limit 1 for update skip locked
),
page as materialized (
    select source_row.batch, source_row.n
    from over, source_row
    where source_row.batch = over.id
    order by source_row.n
    limit $1
),
gone as (
    delete from source_row using page
    where source_row.batch = page.batch and source_row.n = page.n
    returning 1
),
through as (
    update batch set staged = false
    where id in (select id from over) and not exists (select from page)
    returning 1
)
select (select count(*) from gone) + (select count(*) from through) as "moved!";
