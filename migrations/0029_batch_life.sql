-- A batch between its plan and its end: a person may cancel it in every open state. The row says since when, and
-- how far the engine has asked its jobs; it is `running` until the last of them has settled, then `cancelled`.
alter table batch
    add column cancelling_at timestamptz,
    add column cancelled_by text,
    add column cancelled_why text,
    -- ranges of its jobs below this id were asked to end
    add column cancel_cursor bigint not null default 0;
create index batch_cancelling on batch (id) where cancelling_at is not null and finished_at is null;

-- A plan that trips a guard asks a person: why and how it differs from the last one is kept as it was at sealing. It
-- stays planned until somebody approves it or its time is over.
alter table batch
    add column asks text,
    add column asking bool not null default false,
    add column ask_until timestamptz,
    add column approved_at timestamptz,
    add column approved_by text;
create index batch_asking on batch (ask_until) where asking;
