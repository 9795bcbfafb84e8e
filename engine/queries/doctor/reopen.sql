-- Opens batches among $1 again that ended before their settlements were complete; the duty ends them.
-- Index  batch_pkey; batch_range_pkey; tally_batch.
-- Locks  the batches, held already.
-- Gives  how many rows were changed.
update batch
set state = 'running', finished_at = null
from (
    select wanted.id,
           (select coalesce(sum(last_id - first_id + 1), 0) from batch_range where batch_range.batch = wanted.id)::int8
           + (select coalesce(sum(n), 0) from tally where tally.batch = wanted.id and kind like 'restarted_%')::int8 as due,
           (select coalesce(sum(n), 0) from tally
            where tally.batch = wanted.id and kind <> 'chunk_members' and kind not like 'restarted_%')::int8 as settled
    from unnest($1::int8[]) as wanted (id)
) fact
where batch.id = any ($1) and batch.id = fact.id and batch.sealed and batch.state in ('completed', 'completed_with_errors', 'cancelled')
  and batch.expected = fact.due and fact.settled < batch.expected;
