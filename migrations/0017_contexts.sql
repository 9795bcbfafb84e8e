-- Contexts: durable JSON documents under a key that jobs and people share, such as the state of a conversation. Jobs
-- change one in the flush of the turn that says so, and are told what came of it in their inbox.
--
-- Whoever changes a context holds its spot (`mail/meet.sql`), so that what it read is still so when it writes.

-- A row is a context as it is. `version` grows with every change, beyond a deletion too. A duty deletes it once
-- `expires_at` has passed, and nobody reads it from then on.
create table context (
    tenant int not null,
    key text not null,
    version bigint not null,
    document text not null,
    subject text,
    expires_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (tenant, key)
);
create index context_subject on context (tenant, subject, key) where subject is not null;
create index context_expiry on context (expires_at) where expires_at is not null;

-- A row is what made a version: a whole document, a merge patch, or the end. `job`, `step` and `batch` say who, where a
-- job did it. The change that makes a version deletes the one a hundred versions before; a duty deletes old ones.
create table context_change (
    tenant int not null,
    key text not null,
    version bigint not null,
    kind text not null constraint context_change_kind check (kind in ('put', 'patch', 'delete', 'expire')),
    data text,
    at timestamptz not null default now(),
    who text not null,
    job bigint,
    step text,
    batch bigint,
    primary key (tenant, key, version),
    constraint context_change_data check ((data is null) = (kind in ('delete', 'expire')))
);
create index context_change_age on context_change (at);

-- What came of a job's change is told to it like the end of a child.
alter table inbox
    drop constraint inbox_kind,
    add constraint inbox_kind check (kind in ('signal', 'event', 'child', 'context', 'order')) not valid;
