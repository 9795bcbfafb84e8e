-- Batches that jobs make: a step opens a batch, and its job is told of the end.
--
-- The batch and this row are written in the flush of the turn that opens the step, so they are there once or not at
-- all. Whatever ends a batch need not know of its parent: a duty tells parents of batches that are over, and cancels
-- those that nobody wants any more.

-- Which step of which job made a batch, how much of it may end badly, what becomes of it when the step ends first,
-- and since when the parent wants it closed. `over`: the parent was told, or need not be. Kept with its batch.
create table child_batch (
    batch bigint primary key,
    parent bigint not null,
    activity int not null,
    on_close text not null constraint child_batch_on_close check (on_close in ('cancel', 'abandon')),
    failed_max bigint,
    failed_percent float8,
    closing_at timestamptz,
    over bool not null default false,
    constraint child_batch_tolerates check ((failed_max is null) <> (failed_percent is null))
);
create unique index child_batch_parent on child_batch (parent, activity);
create index child_batch_open on child_batch (batch) where not over;
