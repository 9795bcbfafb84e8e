-- Limits: how much of one thing may run at once, or start in a time.
--
-- A count of leases lets more jobs in than a limit allows, because two claims do not see each other's.
-- So every key of a limit has a counter row that is changed in the statement that changes the lease.

-- What the document of kind `Limit` says; its edits reach the counters in the same transaction. Kept.
create table limit_rule (
    id int generated always as identity primary key,
    tenant int not null references tenant,
    name text not null,
    -- to which work it applies: to what names it (`limits: [ x ]`), or to all of a tenant, purpose, template or queue
    scope text not null constraint limit_rule_scope check (scope in ('reference', 'tenant', 'purpose', 'template', 'queue')),
    scope_name text not null default '',
    -- jq over a job's input, evaluated once when the job is made
    key text,
    -- jobs at once; starts in a second, and how many of them may come together
    concurrency int constraint limit_rule_concurrency check (concurrency >= 0),
    rate float8 constraint limit_rule_rate check (rate > 0),
    burst int constraint limit_rule_burst check (burst >= 1),
    -- other figures for single keys: {"key": {"concurrency", "rate", "burst"}}
    keys jsonb not null default '{}',
    overflow text not null default 'queue'
        constraint limit_rule_overflow check (overflow in ('queue', 'reject_new', 'cancel_oldest', 'cancel_newest')),
    constraint limit_rule_name unique (tenant, name),
    constraint limit_rule_figures check (coalesce(concurrency::float8, rate) is not null and (rate is null) = (burst is null))
);
create index limit_rule_attached on limit_rule (tenant, scope, scope_name) where scope <> 'reference';

-- The counter of one key: `used` are its jobs under lease. The figures are the rule's, copied, so that
-- who has locked the row decides from nothing else. Updated at every claim and settlement: kept small
-- and free of other indexes, so that an update stays on its page. Kept, like the lanes that name it.
create table limit_use (
    key int generated always as identity primary key,
    rule int not null references limit_rule,
    value text not null default '',
    cap int,
    used int not null default 0,
    rate float8,
    burst int,
    tokens float8 not null default 0,
    refilled_at timestamptz not null default now(),
    -- nothing starts before: a remote asked for a rest
    hold_until timestamptz,
    constraint limit_use_value unique (rule, value)
) with (fillfactor = 50);

-- The counters of `limit_keys`, ascending: locks are taken in this order.
alter table lane add column limits int[] not null default '{}';
-- A batch whose jobs have different keys has several lanes.
create index lane_batch on lane (batch) where batch <> 0;
-- What is queued under a key stands in its lanes.
create index lane_limits on lane using gin (limits) where limits <> '{}';

alter table configuration drop constraint configuration_kind;
alter table configuration add constraint configuration_kind
    check (kind in ('purpose', 'category', 'job_configuration', 'connection', 'limit'));
