-- When a batch is to be done, and when it will be. Beside the batch, whose row others lock: a row a batch, kept with it.
create table forecast (
    batch bigint primary key references batch,
    deadline timestamptz,
    -- seconds in which anything was under way, and where it stood at the last look
    active_seconds float8 not null default 0,
    settled bigint not null default 0,
    seen_at timestamptz,
    early timestamptz,
    late timestamptz,
    light text not null default 'unknown'
        constraint forecast_light check (light in ('finished', 'on_time', 'at_risk', 'late', 'missed', 'unknown', 'waiting')),
    -- what keeps it from being faster; how many times its share it has for that
    binding text not null default '',
    lift int not null default 1
);
create index forecast_light_now on forecast (light, batch) where light in ('at_risk', 'late', 'missed');

-- How far an open batch was at each minute of the last quarter of an hour; gone when it has ended.
create table pace (
    batch bigint not null references batch,
    at timestamptz not null,
    active_seconds float8 not null,
    settled bigint not null,
    primary key (batch, at)
);
