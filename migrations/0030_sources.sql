-- Members from elsewhere: a file, a query, a paged service. A category stands still while a plan reads it, and may be read
-- again by a planner that takes over; these do not. So what they give is kept beside the batch, in their order, and planned
-- from there: a killed planner goes on, keys that stand twice are found by the server, and objects come sorted.

-- No reference to `batch`: a check a row would be a third of the time of a load. A duty deletes a batch's rows once its
-- plan is made or has failed.
create table source_row (
    batch bigint not null,
    n bigint not null,
    key text collate "C" not null,
    object text collate "C",
    document text not null,
    -- why the row is no member
    left_out text,
    primary key (batch, n)
);
create index source_row_object on source_row (batch, object, n);

-- `staged`: rows of it may stand in `source_row`. `gathered`: all of them do. `source_hash`: of the file that was sent.
-- `source_tries`: how often reading began.
alter table batch add column staged bool not null default false;
alter table batch add column gathered bool not null default false;
alter table batch add column source_hash text;
alter table batch add column source_tries int not null default 0;
create index batch_staged on batch (id) where staged;
