-- Deletes rows of a source that nothing reads any more: its batch is planned, or never will be.
-- Index  batch_staged (id); source_row_pkey (batch, n).
-- Locks  up to $1 rows of a batch, or the batch itself, once there are none: its releaser passes over a locked batch.
-- Gives  how many went, and one more for a batch that has none left.
with over as materialized (
    select id from batch where staged and state <> 'planning' order by id limit 1
),
-- A range of the key: a join with the rows of a page would look at all rows that are left.
page as materialized (
    select min(n) as first_n, max(n) as last_n
    from (select n from source_row where batch = (select id from over) order by n limit $1) first
),
gone as (
    delete from source_row
    where batch = (select id from over)
      and n between (select first_n from page) and (select last_n from page)
    returning 1
),
through as (
    update batch set staged = false
    where id in (select id from over) and staged and exists (select from page where last_n is null)
    returning 1
)
select (select count(*) from gone) + (select count(*) from through) as "moved!";
