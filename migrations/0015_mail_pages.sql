-- What jobs are told, in pages: an event is written once however many jobs wait for it, those jobs are woken some at
-- a time, and what a job's listens have refused is neither read again nor in the way of others.

-- Who listens for a subject reads its events alone. Not built `concurrently`: only the publisher and the expiry of
-- events write `event`, and both come again; whoever has an event to say writes `event_new`.
-- First, because the statements behind it hold what every job needs.
create index event_subject on event (tenant, kind, subject, pos) include (at);

-- `event` is the position of an event whose text stands in the log alone; `refused` the mark of the listens that did
-- not want the letter: while they stand, it is not read again.
alter table inbox
    alter column data drop not null,
    add column event bigint,
    add column refused bigint,
    add constraint inbox_text check (data is not null or event is not null) not valid;

-- The mark of the listens that a job rests with; and those that have refused a signal, which is not offered to them
-- again.
alter table wait add column mark bigint;
alter table signal add column refused bigint[] not null default '{}';
create index signal_refused on signal (tenant, key, id) where job is null and refused <> '{}';

-- Up to which position the jobs that rested for events were woken; whoever locks the row wakes the next ones.
create table event_woken (
    only_row bool primary key default true check (only_row),
    pos bigint not null
);
insert into event_woken (pos) select pos from event_head;
