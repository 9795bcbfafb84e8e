-- What is told outside: notices of what happened to batches and slots, what configurations want done about them, and
-- the webhooks that are told.

alter table configuration drop constraint configuration_kind;
alter table configuration add constraint configuration_kind
    check (kind in ('purpose', 'category', 'job_configuration', 'connection', 'limit', 'calendar', 'webhook'));

-- Something that happened, written in the transaction of the fact; `id` names it outside for ever. Those of a batch are
-- once per batch, generation 0, or once per generation, and stay with it; `n` is the callback whose threshold was
-- reached. Others are deleted by a duty a while after they were told.
create table notice (
    id uuid primary key default gen_random_uuid(),
    tenant int not null references tenant,
    kind text not null,
    batch bigint references batch,
    generation int not null default 0,
    n int not null default 0,
    schedule text,
    slot_at timestamptz,
    at timestamptz not null default now(),
    -- what only that moment knows, JSON
    data text not null default '{}',
    told_at timestamptz
);
create unique index notice_of_batch on notice (batch, generation, kind, n) where batch is not null;
create index notice_open on notice (at, id) where told_at is null;
create index notice_told on notice (told_at) where batch is null;

-- Callbacks of a batch that look at how its jobs end: which, by its place in the configuration, and from how many on.
-- Deleted when it has come, or when the batch has ended without it.
create table callback_watch (
    batch bigint not null references batch,
    n int not null,
    kind text not null constraint callback_watch_kind check (kind in ('first_failure', 'threshold')),
    -- so many, or such a share of what was judged, in millionths
    failed bigint,
    share bigint,
    primary key (batch, n),
    constraint callback_watch_rule check ((failed is null) <> (share is null))
);

-- A callback that came: what it gives, fixed with the notice, and for a purpose the job that was made of it, or why none
-- could be. Kept with its batch.
create table callback (
    notice uuid not null references notice,
    n int not null,
    tenant int not null,
    batch bigint not null references batch,
    kind text not null,
    webhook text,
    purpose text,
    input text not null,
    job bigint,
    problem text,
    primary key (notice, n),
    constraint callback_target check ((webhook is null) <> (purpose is null))
);
create index callback_batch on callback (batch, notice, n);
create index callback_open on callback (notice, n) where purpose is not null and job is null and problem is null;

-- A webhook beside its document: what the engine asks of it, and how it fares. Deleted with its document.
create table webhook (
    tenant int not null references tenant,
    name text not null,
    revision int not null,
    events text[] not null,
    filter text,
    enabled bool not null,
    disable_after_seconds float8 not null,
    -- since when no delivery succeeded although some were tried
    failing_since timestamptz,
    disabled_at timestamptz,
    disabled_why text,
    primary key (tenant, name)
);

-- One event for one webhook. `tries` is also what a deliverer's right to record goes by: taking the row raises it.
-- Deleted by a duty a while after its end, or with its webhook.
create table delivery (
    id bigint generated always as identity primary key,
    tenant int not null,
    webhook text not null,
    event text not null,
    kind text not null,
    body text not null,
    state text not null default 'waiting' constraint delivery_state check (state in ('waiting', 'delivered', 'dead')),
    tries int not null default 0,
    -- somebody wants it tried now, although its webhook is disabled
    asked bool not null default false,
    due timestamptz not null,
    created_at timestamptz not null default now(),
    ended_at timestamptz,
    foreign key (tenant, webhook) references webhook (tenant, name) on delete cascade,
    constraint delivery_ended check ((state = 'waiting') = (ended_at is null)),
    constraint delivery_event unique (tenant, webhook, event)
);
create index delivery_due on delivery (tenant, webhook, due) where state = 'waiting';
create index delivery_list on delivery (tenant, webhook, id);
create index delivery_ended_at on delivery (ended_at) where ended_at is not null;

-- The log of a delivery: what came of each try. Deleted with it.
create table delivery_try (
    delivery bigint not null references delivery on delete cascade,
    n int not null,
    at timestamptz not null default now(),
    milliseconds int not null,
    status int,
    error text,
    -- the beginning of what was answered
    answer text,
    primary key (delivery, n)
);

-- Until when a slot's work is to have started and finished, until that was judged; and when people were told that it had
-- not.
alter table slot
    add column start_by timestamptz,
    add column finish_by timestamptz,
    add column not_started_at timestamptz,
    add column not_finished_at timestamptz;
create index slot_start_by on slot (start_by) where start_by is not null;
create index slot_finish_by on slot (finish_by) where finish_by is not null;
create index slot_not_started on slot (tenant, not_started_at) where not_started_at is not null;
create index slot_not_finished on slot (tenant, not_finished_at) where not_finished_at is not null;
