-- Members from outside, a query on another Postgres or a service that is read page by page: a keeper reads them into
-- `source_row` before the plan is made, block by block. A block, how far it goes and the reader's right commit together,
-- so a killed reader leaves what it had, and one that was given up cannot add to what another reads.

-- `outside`: what a keeper must read; null where nothing outside is asked. `source_claim`: who reads, until `source_until`;
-- without a reader, when reading may begin again. `source_cursor`: where the next block begins, as the reader wrote it.
-- `source_n`: rows that were read.
alter table batch add column outside text constraint batch_outside check (outside in ('query', 'http'));
alter table batch add column source_claim uuid;
alter table batch add column source_until timestamptz;
alter table batch add column source_cursor text;
alter table batch add column source_n bigint not null default 0;
create index batch_outside_open on batch (id) where outside is not null and not gathered and finished_at is null;
