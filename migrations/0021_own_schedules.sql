-- Schedules inside templates: each template has at most one of its own, that of its newest version. It stands beside
-- those of job configurations under the name `namespace/name`, which no job configuration can have, and starts jobs
-- instead of batches: at slots, so long after the end of the job before, or when events come.

-- `template_version` is the version that it starts; null for a job configuration's. `after_seconds` is the delay of one
-- that counts from the end of its last job; such a one writes a slot at a time, and `planned_until` is that slot. One that
-- events start has no slots: `event_pos` is the position up to which it has looked at them, `event_types` those that it
-- wants, null for all, and `lost` counts the events that it took and that came to nothing.
alter table schedule
    add column template_version int references template_version,
    add column after_seconds float8,
    add column event_pos bigint,
    add column event_types text[],
    add column lost bigint not null default 0,
    add constraint schedule_own check (template_version is not null or after_seconds is null and event_pos is null);

-- The job that a slot started, where it made no batch.
alter table slot add column job bigint;

-- Jobs that a template's own schedule started, as far as it is not known that they have ended. A keeper deletes them
-- when it next asks whether one is open.
create table schedule_job (
    tenant int not null,
    schedule text not null,
    job bigint not null,
    primary key (tenant, schedule, job),
    foreign key (tenant, schedule) references schedule (tenant, name)
);

-- Events that belong together and are not enough yet to start a job; `first_pos` is the position of the first of them,
-- `taken` a JSON list of all. A keeper deletes them when the last one has come, or none did in time.
create table gathering (
    tenant int not null,
    schedule text not null,
    first_pos bigint not null,
    taken text not null,
    expires_at timestamptz not null,
    primary key (tenant, schedule, first_pos),
    foreign key (tenant, schedule) references schedule (tenant, name)
);
create index gathering_due on gathering (expires_at);
