-- Groups: the jobs of one step that works on a list, some of them at a time.
--
-- The list is written when the step opens, in the flush of its turn, so it is there once or not at all. Its items
-- become jobs as others end, in the flush that ends those; nothing counts in the row of the parent, which is woken once.

-- What one step of a job started as a group: how many items it has, how many of them have become jobs, and how many
-- of those ended badly. The ones that are open are its rows of `child`. Who changes a group has met its parent alone.
-- Deleted when the parent was told.
create table child_group (
    parent bigint not null,
    activity int not null,
    tenant int not null,
    template_version int not null,
    priority int not null,
    within float8,
    items int not null,
    made int not null default 0,
    failed int not null default 0,
    parallel int not null,
    failed_max int not null,
    on_close text not null constraint child_group_on_close check (on_close in ('cancel', 'abandon')),
    -- nothing more of it is started
    closed bool not null default false,
    -- what keys of its items begin with
    key text,
    seed bigint not null,
    primary key (parent, activity),
    constraint child_group_made check (made between 0 and items)
) with (fillfactor = 50);

-- One item: the job that it is or will be, and where that goes. Deleted with its group.
create table child_item (
    parent bigint not null,
    activity int not null,
    n int not null,
    job bigint not null,
    lane int not null,
    input text not null,
    primary key (parent, activity, n)
);
create index child_item_job on child_item (job);
