-- Jobs that wait for the outside: signals, events, and children whose end is awaited.
--
-- Whoever tells a job something and the job that is about to rest meet under an advisory lock of the
-- transaction, named by what is told: the teller takes it alone, those that rest share it. What is told to
-- a job stands in its `inbox` until its machine took it.

-- What a resting job waits for: a signal's name and whom it is for; an event's type and its subject, where
-- empty means any. Rows go with the rest of the job's `wait`.
alter table wait
    add column tenant int,
    add column name text,
    add column since timestamptz not null default now();
-- 0014 has one that finds them by what was told.
drop index wait_cause;

-- `signal` is the id of the signal that a row was made of: unread at the job's end, it goes back.
alter table inbox
    add column name text,
    add column key text,
    add column signal text,
    drop constraint inbox_kind,
    add constraint inbox_kind check (kind in ('signal', 'event', 'child', 'order'));

-- A named message to one job (`j_7`) or to whoever waits under a key. `job` is who got it; the row stays
-- until it expires, so that a repeat of its id is known. A duty deletes it then.
create table signal (
    tenant int not null,
    key text not null,
    id text not null,
    name text not null,
    data text not null,
    at timestamptz not null default now(),
    expires_at timestamptz not null,
    job bigint,
    primary key (tenant, key, id)
);
create index signal_kept on signal (tenant, key, name, at, id) where job is null;
create index signal_expiry on signal (expires_at);

-- How far the one publisher has come; whoever locks the row is it.
create table event_head (
    only_row bool primary key default true check (only_row),
    pos bigint not null default 0
);
insert into event_head default values;

-- The id that its writer gave an event: a second one of it is dropped when it gets its position. A duty
-- deletes events after their retention.
alter table event_new add column uid text;
alter table event add column uid text;
create unique index event_uid on event (tenant, uid) where uid is not null;
create index event_kind on event (tenant, kind, pos);
create index event_since on event (tenant, kind, at, pos);

-- Up to which position a job was given events of a type and subject. Deleted after the job's end.
create table heard (
    job bigint not null,
    name text not null,
    key text not null,
    pos bigint not null,
    primary key (job, name, key)
);

-- A job that another one started and that has not ended as far as its parent is concerned: whether the parent
-- waits for its end, what becomes of it when the parent ends first, and since when the parent wants it closed.
-- Deleted when the parent was told.
create table child (
    job bigint primary key,
    parent bigint not null,
    activity int not null,
    awaited bool not null,
    closing_at timestamptz,
    on_close text not null constraint child_on_close check (on_close in ('wait', 'cancel', 'abandon'))
);
create index child_parent on child (parent, activity);
create index child_closing on child (closing_at) where closing_at is not null;
