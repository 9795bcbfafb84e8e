-- Which activities of this job have children, or batches, of which it was not told?
-- Index  child_parent, child_batch_parent.
-- Locks  none.
select distinct activity as "activity!"
from (
    select activity from child where parent = $1
    union all
    select activity from child_batch where parent = $1 and not over
) started;
