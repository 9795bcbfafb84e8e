-- A load of a category may go on without rows that are no items: its version says how many those were. Loads of a release
-- before this one left nothing out.
alter table category_version add column left_out bigint not null default 0;
