-- A page of changes of many jobs, newest first. Those that have ended have no pages.
-- Index  bulk_tenant, backwards; bulk_page_pkey.
-- Locks  none.
-- Gives  up to $3 rows before $2.
select bulk.id, change, filter, rate, state, total, bulk.done + page.done as "done!", bulk.refused + page.refused as "refused!",
       page.put_off as "put_off!", who, why, created_at, passed_at, finished_at
from bulk
cross join lateral (
    select coalesce(sum(size - remaining - bulk_page.refused), 0)::int8 as done,
           coalesce(sum(bulk_page.refused), 0)::int8 as refused,
           coalesce(sum(remaining) filter (where rounds > 0), 0)::int8 as put_off
    from bulk_page
    where bulk_page.bulk = bulk.id
) page
where bulk.tenant = $1 and bulk.id < $2
order by bulk.id desc
limit $3;
