-- Open batches among $1 expect what their plan and their redrives say. A redrive raises it under the batch's
-- lock, which is held.
-- Index  batch_open: open batches are few; batch_range_pkey; tally_batch.
-- Locks  the batches, held already.
-- Gives  how many rows were changed.
update batch
set expected = fact.due
from (
    select wanted.id,
           (select coalesce(sum(last_id - first_id + 1), 0) from batch_range where batch_range.batch = wanted.id)::int8
           + (select coalesce(sum(n), 0) from tally where tally.batch = wanted.id and kind like 'restarted_%')::int8 as due
    from unnest($1::int8[]) as wanted (id)
) fact
where batch.id = fact.id and batch.sealed and batch.finished_at is null and batch.expected <> fact.due;
