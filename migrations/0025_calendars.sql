-- Calendars: a document of its own says which days are open, and schedules name it.

alter table configuration drop constraint configuration_kind;
alter table configuration add constraint configuration_kind
    check (kind in ('purpose', 'category', 'job_configuration', 'connection', 'limit', 'calendar'));

-- Whoever edits a calendar plans the schedules anew that name it. Schedules are few, and edits of calendars rare: no
-- index of its own.
alter table schedule add column calendar text;

-- What was decided on the way to a slot: moved from a closed day, or by a change of the clocks. A time that a calendar
-- leaves out is a slot that was skipped when it was planned.
alter table slot add column note text;
