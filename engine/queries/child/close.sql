-- Notes that parents do not want these children any more, in the flush that says so; a duty cancels them.
-- Index  child_parent.
-- Locks  the rows.
update child
set closing_at = now()
from unnest($1::int8[], $2::int4[]) closed (parent, activity)
where child.parent = closed.parent and child.activity = closed.activity and child.closing_at is null;
