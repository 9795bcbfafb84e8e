-- Batches: a tracked set of jobs made from one selection; and the schedules that make them.

create table batch (
    id bigint generated always as identity primary key,
    tenant int not null references tenant,
    name text not null,
    configuration text,
    revision int,
    state text not null constraint batch_state check (state in ('planning', 'planned', 'releasing', 'running', 'paused', 'completed', 'completed_with_errors', 'failed', 'cancelled')),
    strategy text not null constraint batch_strategy check (strategy in ('individual', 'object', 'combined')),
    template_version int not null references template_version,
    purpose text not null default '',
    lane int references lane,
    -- the canonical job configuration that this batch runs, and the purpose's default input
    document text not null,
    purpose_input text,
    priority int not null default 0,
    category int references category,
    category_version int,
    schedule text,
    slot_at timestamptz,
    slot_previous timestamptz,
    context text,
    generation int not null default 1,
    -- planning
    cursor_n bigint not null default 0,
    cursor_text text,
    members bigint not null default 0,
    jobs bigint not null default 0,
    chunks int not null default 0,
    left_out bigint not null default 0,
    selection_hash text,
    plan_hash text,
    hash_state bytea,
    -- release and finish
    sealed bool not null default false,
    expected bigint not null default 0,
    released bigint not null default 0,
    release_window bigint not null default 100000,
    accepted bigint not null default 0,
    reason text,
    created_by text not null default '',
    idempotency_key text,
    created_at timestamptz not null default now(),
    planned_at timestamptz,
    released_at timestamptz,
    started_at timestamptz,
    finished_at timestamptz,
    constraint batch_finished_at check ((state in ('completed', 'completed_with_errors', 'failed', 'cancelled')) = (finished_at is not null))
);
create index batch_tenant on batch (tenant, id);
create unique index batch_tenant_key on batch (tenant, idempotency_key) where idempotency_key is not null;
create index batch_open on batch (state, id) where finished_at is null;
create index batch_configuration on batch (tenant, configuration, id);

create table batch_range (
    batch bigint not null references batch,
    first_id bigint not null,
    last_id bigint not null,
    primary key (batch, first_id)
);

-- Members of object and combined batches; an individual member is its job's own row.
create table member (
    batch bigint not null references batch,
    job bigint not null,
    n bigint not null,
    chunk int,
    key text not null,
    object text,
    document text not null,
    primary key (batch, n)
);
create index member_job on member (job, chunk, n);

create table left_out (
    batch bigint not null references batch,
    n bigint not null,
    key text not null,
    reason text not null,
    primary key (batch, n)
);

-- A schedule belongs to a job configuration and bears its name. Its rule stands in the configuration.
create table schedule (
    tenant int not null references tenant,
    name text not null,
    revision int not null,
    rule text not null,
    zone_data text not null,
    planned_until timestamptz not null,
    enabled bool not null default true,
    paused_until timestamptz,
    paused_by text,
    paused_why text,
    primary key (tenant, name)
);

-- One fire time of a schedule: a row that always ends with what happened and why.
create table slot (
    tenant int not null,
    schedule text not null,
    at timestamptz not null,
    fire_at timestamptz not null,
    covers text not null default '[]',
    previous timestamptz,
    revision int not null,
    zone_data text not null,
    state text not null constraint slot_state check (state in ('planned', 'fired', 'late', 'skipped', 'missed', 'manual')),
    reason text,
    batch bigint references batch,
    decided_at timestamptz,
    primary key (tenant, schedule, at),
    foreign key (tenant, schedule) references schedule (tenant, name),
    constraint slot_decided check ((state = 'planned') = (decided_at is null))
);
create index slot_due on slot (fire_at) where state = 'planned';
create unique index slot_batch on slot (batch) where batch is not null;
