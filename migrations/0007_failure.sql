-- What is known of failure: who lost a job, why a job was put off or stopped, and how stopped work comes
-- back.
--
-- A stopped job keeps the code and fingerprint of what stopped it, so that people see groups instead of
-- jobs.

alter table held
    add column code text,
    add column fingerprint text;
create index held_parked on held (coalesce(fingerprint, ''), first_id) where reason = 'parked';
create index held_parked_order on held (first_id) where reason = 'parked';
create index held_cancelling on held (first_id) where reason = 'cancelling';

-- Jobs that were lost with their worker, a range a row. Kept a week, to name the workers of a poison job.
create table loss (
    id bigint generated always as identity primary key,
    first_id bigint not null,
    last_id bigint not null,
    losses smallint not null,
    worker uuid not null,
    host text not null default '',
    at timestamptz not null default now()
);
create index loss_jobs on loss (first_id);
create index loss_at on loss (at);

-- A job that a worker gave back unspent, because it cannot do it: why, and until when nobody tries.
-- Overwritten by the next one; forgotten by a duty an hour after `until`.
create table deferral (
    job bigint primary key,
    worker uuid not null,
    why text not null,
    until timestamptz not null,
    at timestamptz not null default now()
);
create index deferral_until on deferral (until);

-- Stopped work that somebody wants to run again: which, how fast, and how far it has come. A row a wish;
-- kept.
create table redrive (
    id bigint generated always as identity primary key,
    tenant int not null references tenant,
    fingerprint text,
    batch bigint,
    jobs bigint[],
    -- jobs a second; the first `canary` ones go alone, and must do well
    rate int not null constraint redrive_rate check (rate > 0),
    canary int not null default 0 constraint redrive_canary check (canary >= 0),
    -- failed jobs too: each as a new job that links back
    failed_too bool not null default false,
    state text not null default 'running' constraint redrive_state check (state in ('running', 'stopped', 'completed', 'cancelled')),
    reason text,
    phase text not null default 'parked' constraint redrive_phase check (phase in ('parked', 'failed')),
    cursor_id bigint not null default 0,
    upto_id bigint not null,
    moved bigint not null default 0,
    passed_at timestamptz not null default now(),
    who text not null,
    why text not null default '',
    created_at timestamptz not null default now(),
    finished_at timestamptz,
    constraint redrive_finished_at check ((state = 'running') = (finished_at is null))
);
create index redrive_running on redrive (id) where state = 'running';
create index redrive_tenant on redrive (tenant, id);

-- A job that a redrive let go, and what became of it.
create table redrive_job (
    redrive bigint not null references redrive,
    job bigint not null,
    origin bigint not null,
    fingerprint text,
    verdict text constraint redrive_verdict check (verdict in ('good', 'bad')),
    at timestamptz not null default now(),
    primary key (redrive, job)
);
create index redrive_job_open on redrive_job (redrive, job) where verdict is null;
create index redrive_job_origin on redrive_job (origin);
-- A failed job is made anew once, whoever redrives it at the same time; a parked one goes on as itself.
create unique index redrive_job_anew on redrive_job (origin) where job <> origin;

-- Final failures of one kind, for redrives of them.
create index outcome_fingerprint on outcome (tenant, fingerprint, first_id) where fingerprint is not null;
