-- What jobs ask people: a request stands in a row of its own, so that it can be listed, shown and decided while its
-- job rests for months and holds nothing.

-- One request of one job, under the key that its template gave it: a step that asks again under the same key asks the
-- same. Written in the flush of the turn that asks, and ended in the one that does not want it any more; a decision
-- ends it too, and tells the steps in `activities` by letters. `missed`: they were over when it came. A duty ends
-- what jobs left open that somebody ended from outside, and deletes rows whose job is gone.
create table approval (
    id bigint generated always as identity primary key,
    tenant int not null,
    job bigint not null,
    key text not null,
    activities int[] not null,
    round int not null,
    subject text not null,
    assignees text[] not null,
    options text[] not null,
    opened_at timestamptz not null,
    asked_at timestamptz not null,
    ended_at timestamptz,
    decision text,
    decided_by text,
    comment text,
    decided_at timestamptz,
    missed bool not null default false,
    constraint approval_decided check (
        (decision is null) = (decided_at is null) and (decision is null) = (decided_by is null)
        and (decision is null or ended_at is not null))
);
create unique index approval_of_job on approval (job, key);
create index approval_open on approval (tenant, id) where ended_at is null;
create index approval_assignee on approval using gin (assignees) with (fastupdate = off) where ended_at is null;
