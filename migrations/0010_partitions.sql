-- Partitions are made ahead of the ids and dropped behind them, and this is what is known of each.
--
-- Dropping looks at every row of a range once. What that look found is kept, so that a keeper does not
-- look again before it can be otherwise, and people see what keeps a range from going.

-- A range of ids that was full when somebody looked; kept, so that what lies beside its jobs can go too.
create table id_range (
    first_id bigint primary key,
    last_id bigint not null,
    -- when the last of its jobs ended; null while one is open
    newest timestamptz,
    looked_at timestamptz not null default now(),
    -- what keeps it, in words
    why text not null default '',
    dropped_at timestamptz,
    -- what callers had said beside its jobs went too
    is_swept bool not null default false,
    constraint id_range_order check (last_id > first_id),
    constraint id_range_swept check (not is_swept or dropped_at is not null)
);
