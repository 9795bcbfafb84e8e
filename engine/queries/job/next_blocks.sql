-- First ids of fresh blocks of 1,000.
-- Index  none.
-- Locks  none: a sequence.
select nextval('job_block') * 1000 as "first_id!"
from generate_series(1, $1::int8);
