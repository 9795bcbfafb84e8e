-- When is the first of the jobs of a batch due that rest for a timer? Looks at 10,000 of them.
-- Index  batch_range_pkey; wait_pkey.
-- Locks  none.
-- Gives  one row; null when none rests for a time.
select min(due) as "due?"
from (
    select wait.due
    from batch_range
    join wait on wait.job >= batch_range.first_id and wait.job <= batch_range.last_id and wait.n = 0
    where batch_range.batch = $1
    limit 10000
) resting;
