-- Keeps the keys of a block's members, and the objects of its jobs: no later member may have them.
-- Index  none read; a name that is there is refused.
-- Locks  new rows, after the batch.
insert into batch_name (batch, is_object, name)
select $1, is_object, name
from unnest($2::bool[], $3::text[]) as one (is_object, name);
