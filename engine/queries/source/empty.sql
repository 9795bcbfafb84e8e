-- Deletes rows of a source that is read from its beginning again, as long as it is $2's to read.
-- Index  batch_pkey; source_row_pkey (batch, n).
-- Locks  the batch, then up to $3 of its rows.
-- Gives  as many affected rows as went.
with held as materialized (
    select id from batch where id = $1 and source_claim = $2 and state = 'planning' and not gathered for update
),
page as materialized (
    select source_row.batch, source_row.n
    from held, source_row
    where source_row.batch = held.id
    order by source_row.n
    limit $3
)
delete from source_row using page
where source_row.batch = page.batch and source_row.n = page.n;
