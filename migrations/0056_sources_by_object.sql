-- Only a job for each object reads a source object by object. The index for it was written for every row of every source: a
-- quarter of what the server did for an upload of rows that have no object. Rows say now whether they will be read so. Those
-- of an older binary say yes and are in the index, whatever becomes of them.
alter table source_row add column by_object bool not null default true;
