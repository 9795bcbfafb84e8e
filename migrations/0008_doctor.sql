-- What the doctor found, and what it put right.
--
-- The doctor looks for rows that break what the engine promises. Any process may run it, so what it found
-- is kept here, and so is how far it has come: a check of millions of jobs is many short looks.

-- One check, as it was last made. A row a check, written with every pass; kept.
create table doctor_check (
    name text primary key,
    -- when somebody last began a pass of it
    begun_at timestamptz not null default now(),
    -- when a pass last came to the end of it, and how long the looks of that round took
    checked_at timestamptz,
    seconds float8 not null default 0,
    -- where an unfinished round goes on; 0: there is none
    cursor_id bigint not null default 0,
    -- what the last whole round found, and what the unfinished one has found so far
    findings jsonb not null default '[]',
    found_so_far jsonb not null default '[]',
    -- why the last pass could not look everywhere
    unfinished text
);

-- Something that the doctor put right. A duty deletes it after 90 days.
create table doctor_repair (
    id bigint generated always as identity primary key,
    at timestamptz not null default now(),
    code text not null,
    rows bigint not null,
    -- the ids that it looked at, or the batches; empty for a check of everything
    place text not null default '',
    who text not null
);
create index doctor_repair_at on doctor_repair (at);
