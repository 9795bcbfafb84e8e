-- Deletes rows of a source that is read from its beginning again, as long as it is $2's to read.
-- Index  batch_pkey; source_row_pkey (batch, n).
-- Locks  the batch, then up to $3 of its rows.
-- Gives  as many affected rows as went.
with held as materialized (
    select id from batch where id = $1 and source_claim = $2 and state = 'planning' and not gathered for update
),
-- A range of the key: a join with the rows of a page would look at all rows that are left.
page as materialized (
    select min(n) as first_n, max(n) as last_n
    from (select n from source_row where batch = (select id from held) order by n limit $3) first
)
delete from source_row
where batch = (select id from held)
  and n between (select first_n from page) and (select last_n from page);
