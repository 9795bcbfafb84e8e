-- A batch that takes more members: it was opened when it was made, and until somebody closes it it never ends.

-- `opened`: made so. `closed_at`: nothing more is added. `added`: jobs that came later than the plan; `jobs` and
-- `members` count them too. `row_numbers`: so many rows were numbered for it, once something was added.
alter table batch
    add column opened bool not null default false,
    add column closed_at timestamptz,
    add column closed_by text,
    add column added bigint not null default 0,
    add column row_numbers bigint,
    add column names_kept bool not null default false,
    add constraint batch_closed_opened check (closed_at is null or opened);
create index batch_names_kept on batch (id) where names_kept;

-- Keys of the members of a batch that was opened, and the objects of its jobs: what a later member must not have. Written
-- with the block that brings them, deleted by a duty once the batch is closed or over. No reference to `batch`: a check a
-- row would be a third of the time.
create table batch_name (
    batch bigint not null,
    is_object bool not null,
    name text collate "C" not null,
    primary key (batch, is_object, name)
);

-- What was added at once, under the key of its caller: kept with its batch, so that a repeat finds it. `plan_hash` is the
-- batch's after it: each is chained to the one before.
create table addition (
    batch bigint not null references batch,
    idempotency_key text not null,
    hash text not null,
    members bigint not null,
    jobs bigint not null,
    chunks int not null,
    left_out bigint not null,
    plan_hash text not null,
    created_by text not null,
    created_at timestamptz not null default now(),
    primary key (batch, idempotency_key)
);
