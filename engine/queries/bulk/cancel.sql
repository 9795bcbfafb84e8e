-- Cancels the rest of a change; what was changed stays so.
-- Index  bulk_pkey, bulk_page_pkey.
-- Locks  the pages, then the change.
-- Gives  the row, or none when it has ended.
with open as materialized (
    select id from bulk where id = $2 and tenant = $1 and state in ('running', 'paused')
),
gone as (
    delete from bulk_page using open where bulk_page.bulk = open.id
    returning size - remaining - bulk_page.refused as done, bulk_page.refused
),
told as materialized (
    select coalesce(sum(done), 0)::int8 as done, coalesce(sum(refused), 0)::int8 as refused from gone
)
update bulk
set state = 'cancelled', finished_at = now(), busy_until = null, done = bulk.done + told.done, refused = bulk.refused + told.refused
from told
where bulk.id = $2 and bulk.tenant = $1 and bulk.state in ('running', 'paused')
returning bulk.id;
