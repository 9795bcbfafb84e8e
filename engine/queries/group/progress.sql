-- How far have the groups of this job come?
-- Index  child_group_pkey, child_parent.
-- Locks  none.
-- Gives  a row a group.
select activity, items, made, failed,
       (select count(*) from child
        where child.parent = child_group.parent and child.activity = child_group.activity)::int4 as "open!"
from child_group
where parent = $1
order by activity;
