-- Takes a job out of its page: it cannot be changed so.
-- Index  bulk_page_pkey.
-- Locks  the page, then the new row.
with taken as (
    update bulk_page
    set todo = todo - int8multirange(int8range($3, $3, '[]')), remaining = remaining - 1, refused = refused + 1, after_id = $3
    where bulk = $1 and n = $2 and todo @> $3::int8
    returning bulk
)
insert into bulk_refused (bulk, job, code, message) select bulk, $3, $4, $5 from taken;
