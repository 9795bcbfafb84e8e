-- Starts nothing more of these groups and wants what is open of them closed, in the flush that says so; unless they go on
-- alone. Its caller has met the parents alone (`mail/meet.sql`).
-- Index  child_group_pkey, child_parent.
-- Locks  the groups, then their children.
with closed as (
    update child_group set closed = true
    from unnest($1::int8[], $2::int4[]) unwanted (parent, activity)
    where child_group.parent = unwanted.parent and child_group.activity = unwanted.activity and child_group.on_close = 'cancel'
    returning child_group.parent, child_group.activity
)
update child
set closing_at = now()
from closed
where child.parent = closed.parent and child.activity = closed.activity and child.closing_at is null;
