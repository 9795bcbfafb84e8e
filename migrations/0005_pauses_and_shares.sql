-- Who stops what, and who gets how much.
--
-- A pause stops work where it is dispatched and is shown, with who and why, on all that it holds. A
-- share says how much of the workers a group or queue gets. Both are read with every look for lanes,
-- so a change acts on work that is already queued. The pauses of `intent` are read no more; its
-- column `lane` goes in a later release, when no running binary asks for it.

-- One reason to stand still. Ended pauses stay for a day: slots of a schedule that fell into one are
-- skipped, even if no keeper was there. A duty deletes them, and at once those of single jobs.
create table pause (
    id bigint generated always as identity primary key,
    tenant int not null references tenant,
    scope text not null constraint pause_scope
        check (scope in ('queue', 'template', 'purpose', 'tenant', 'batch', 'configuration', 'job')),
    -- the queue's, template's, purpose's or configuration's name, the batch's or job's number; empty for a tenant
    subject text not null,
    job bigint,
    mode text not null default 'hold' constraint pause_mode check (mode in ('hold', 'reject')),
    who text not null default '',
    why text not null default '',
    since timestamptz not null default now(),
    until timestamptz,
    constraint pause_identity unique (tenant, scope, subject),
    constraint pause_of_job check ((scope = 'job') = (job is not null)),
    constraint pause_of_tenant check ((scope = 'tenant') = (subject = ''))
);
create index pause_lane on pause (tenant) where job is null;
create unique index pause_job on pause (job) where job is not null;

-- The pauses that stop a lane at this moment. Ask it by lane: pauses are few, lanes are many.
create view lane_pause as
select lane.id as lane, pause.id, pause.scope, pause.subject, pause.mode, pause.who, pause.why, pause.since, pause.until
from pause
join lane on lane.tenant = pause.tenant
    and case pause.scope
            when 'tenant' then true
            when 'queue' then lane.queue = pause.subject
            when 'template' then lane.template = pause.subject
            when 'purpose' then lane.purpose = pause.subject
            when 'batch' then lane.batch::text = pause.subject
            when 'configuration' then exists (select from batch where batch.id = lane.batch and batch.configuration = pause.subject)
            else false
        end
where pause.job is null
  and (pause.until is null or pause.until > (select now() + clock_offset from cluster));

-- How much a group (tenant and purpose) or queue gets beside the others. No row means weight 1, no
-- minimum, no maximum. People write and delete them.
create table share (
    tenant int not null references tenant,
    kind text not null constraint share_kind check (kind in ('group', 'queue')),
    name text not null,
    weight int not null default 1 constraint share_weight check (weight between 1 and 1000),
    -- jobs in flight
    minimum int not null default 0 constraint share_minimum check (minimum >= 0),
    maximum int constraint share_maximum check (maximum >= minimum),
    who text not null default '',
    at timestamptz not null default now(),
    primary key (tenant, kind, name)
);
