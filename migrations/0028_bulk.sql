-- Changes of many jobs: what one job can be changed in, for all that a filter found, at a pace.
--
-- Which jobs are meant is frozen when somebody starts it: their ids stand in pages, as ranges, and whoever takes an id
-- out of its page has the right to change that job. So no job is changed twice, and none that was not shown.

-- A change of many jobs: what, of which, how fast, and how far it has come. Forgotten 90 days after its end.
create table bulk (
    id bigint generated always as identity primary key,
    tenant int not null references tenant,
    -- the change and the filter, as JSON
    change text not null,
    filter text not null,
    -- of the preview; a start that is repeated finds it
    token text not null,
    rate int not null constraint bulk_rate check (rate between 1 and 1000),
    state text not null default 'running' constraint bulk_state check (state in ('running', 'paused', 'done', 'cancelled')),
    total bigint not null,
    -- those of the pages that are through
    done bigint not null default 0,
    refused bigint not null default 0,
    who text not null,
    why text not null,
    created_at timestamptz not null default now(),
    passed_at timestamptz not null default now(),
    -- nobody else passes before
    busy_until timestamptz,
    finished_at timestamptz,
    constraint bulk_token unique (tenant, token),
    constraint bulk_finished_at check ((state in ('done', 'cancelled')) = (finished_at is not null))
);
create index bulk_running on bulk (passed_at, id) where state = 'running';
create index bulk_tenant on bulk (tenant, id);
create index bulk_finished on bulk (finished_at) where finished_at is not null;

-- Up to a hundred jobs that are still to be changed. Gone once it is through, and with a cancel.
create table bulk_page (
    bulk bigint not null references bulk,
    n int not null,
    todo int8multirange not null,
    size smallint not null,
    remaining smallint not null,
    refused smallint not null default 0,
    -- this round has come so far; what a worker had is asked again in the next one
    after_id bigint not null default 0,
    rounds smallint not null default 0,
    due timestamptz not null default now(),
    primary key (bulk, n)
) with (fillfactor = 50, vacuum_truncate = off, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
create index bulk_page_due on bulk_page (bulk, due, n);

-- A job that could not be changed so, and why. Goes with its change.
create table bulk_refused (
    bulk bigint not null references bulk,
    job bigint not null,
    code text not null,
    message text not null,
    at timestamptz not null default now(),
    primary key (bulk, job)
);
