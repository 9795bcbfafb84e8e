-- The oldest batch behind the id $1 that is to be planned. One whose source outside is not read yet waits for that.
-- Index  batch_open (state, id).
-- Locks  none: the cursor decides between two planners.
select id, tenant, lane, template_version, priority, category, category_version, document, purpose, purpose_input,
       slot_at, slot_previous, created_at, cursor_n, opened, timeout, retry_revision
from batch
where state = 'planning' and id > $1 and finished_at is null and (outside is null or gathered)
order by id
limit 1;
