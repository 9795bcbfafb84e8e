-- Ends a pass; a change without pages is done.
-- Index  bulk_pkey, bulk_page_pkey.
-- Locks  the change.
update bulk
set busy_until = null,
    state = case when is_through then 'done' else state end,
    finished_at = case when is_through then now() else finished_at end
from (select not exists (select from bulk_page where bulk_page.bulk = $1) as is_through) page
where bulk.id = $1 and bulk.state = 'running';
