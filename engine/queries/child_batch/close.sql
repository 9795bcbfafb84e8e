-- Notes that steps do not want their batches any more, in the flush that says so; a duty cancels them, unless they go
-- on alone. Its caller has met the parents alone (`mail/meet.sql`).
-- Index  child_batch_parent.
-- Locks  the rows.
update child_batch
set closing_at = case on_close when 'cancel' then now() end, over = on_close = 'abandon'
from unnest($1::int8[], $2::int4[]) unwanted (parent, activity)
where child_batch.parent = unwanted.parent and child_batch.activity = unwanted.activity
  and not child_batch.over and child_batch.closing_at is null;
