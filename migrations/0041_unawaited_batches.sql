-- A batch that its step does not wait for ends with its job where the step says so: its row stays open until then, and
-- says that nobody is told of its end.
alter table child_batch add column awaited bool not null default true;
