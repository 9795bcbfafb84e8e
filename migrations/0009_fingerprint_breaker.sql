-- A breaker a template: when most of what ends fails with one fingerprint, further work of that template
-- waits instead of burning its tries; one job goes to see, then ten, then all.
--
-- What it holds is held by a row of `pause`, so a claim pays nothing for it. What it lets go stands in a
-- lane of its own beside the lane it came from: the pause does not cover that, everything else about it is
-- the same. So exactly as many jobs go as were chosen, whoever claims them.

-- When a breaker opens; a row for a template, or with no template for all that have none of their own.
-- People write them; without a row the engine's own figures count.
create table breaker_rule (
    tenant int not null references tenant,
    template text not null default '',
    is_on bool not null default true,
    -- jobs that failed or parked with one fingerprint within the window
    failures int not null constraint breaker_rule_failures check (failures between 1 and 10000),
    -- which part of what ended beside them that must be
    share float8 not null constraint breaker_rule_share check (share between 0 and 1),
    window_seconds int not null constraint breaker_rule_window check (window_seconds between 1 and 3600),
    -- before the first probe; twice as long after each one that failed
    rest_seconds int not null constraint breaker_rule_rest check (rest_seconds between 1 and 3600),
    who text not null default '',
    at timestamptz not null default now(),
    primary key (tenant, template)
);

-- Where the breaker of a template stands. Made when it first opens; kept, so that failures from before it
-- closed are not counted again. Whoever changes anything about it locks this row first.
create table breaker (
    tenant int not null references tenant,
    template text not null,
    state text not null default 'closed' constraint breaker_state check (state in ('closed', 'open', 'probing')),
    -- null when a person opened it
    fingerprint text,
    code text,
    -- as counted when it opened
    failures bigint not null default 0,
    ended bigint not null default 0,
    sample bigint,
    -- how many jobs go at once, and which going this is
    step int not null default 1 constraint breaker_step check (step > 0),
    round int not null default 0,
    -- probes that failed in a row
    refusals int not null default 0,
    since timestamptz not null default now(),
    -- null while it never opened
    opened_at timestamptz,
    -- the next probe
    due timestamptz,
    counted_from timestamptz not null default '-infinity',
    who text not null default '',
    why text not null default '',
    primary key (tenant, template),
    constraint breaker_due check ((state = 'open') = (due is not null))
);
create index breaker_busy on breaker (tenant, template) where state <> 'closed';

-- A job that a breaker let go to see, and what became of it. Deleted once the breaker is open or closed
-- again and no worker has one of them any more.
create table breaker_probe (
    tenant int not null,
    template text not null,
    job bigint not null,
    round int not null,
    verdict text constraint breaker_probe_verdict check (verdict in ('good', 'bad', 'void')),
    at timestamptz not null default now(),
    primary key (tenant, template, job)
);

-- The lane from which the probes of this one come.
alter table lane add column probe_of int references lane;
create unique index lane_probe on lane (probe_of) where probe_of is not null;

-- The failures of the last minutes: only what fails or parks pays for these.
create index outcome_stopped on outcome (at) where fingerprint is not null;
create index held_stopped on held (run_at) where reason = 'parked' and fingerprint is not null;

alter table pause drop constraint pause_scope;
alter table pause add constraint pause_scope
    check (scope in ('queue', 'template', 'purpose', 'tenant', 'batch', 'configuration', 'job', 'breaker'));

create or replace view lane_pause as
select lane.id as lane, pause.id, pause.scope, pause.subject, pause.mode, pause.who, pause.why, pause.since, pause.until
from pause
join lane on lane.tenant = pause.tenant
    and case pause.scope
            when 'tenant' then true
            when 'queue' then lane.queue = pause.subject
            when 'template' then lane.template = pause.subject
            when 'breaker' then lane.template = pause.subject and lane.probe_of is null
            when 'purpose' then lane.purpose = pause.subject
            when 'batch' then lane.batch::text = pause.subject
            when 'configuration' then exists (select from batch where batch.id = lane.batch and batch.configuration = pause.subject)
            else false
        end
where pause.job is null
  and (pause.until is null or pause.until > (select now() + clock_offset from cluster));
