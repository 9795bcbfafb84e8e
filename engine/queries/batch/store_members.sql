-- Stores members beside the jobs that work on them.
-- Index  none.
-- Locks  new rows, after the batch.
insert into member (batch, job, n, chunk, key, object, document)
select $1, job, n, chunk, key, object, document
from unnest($2::int8[], $3::int8[], $4::int4[], $5::text[], $6::text[], $7::text[])
     planned (job, n, chunk, key, object, document);
