-- Which activities of this job have children of which it was not told?
-- Index  child_parent.
-- Locks  none.
select distinct activity from child where parent = $1;
