-- What a job may know of its batch.
-- Index  batch_pkey.
-- Locks  none: these columns are fixed when the plan is sealed, or when a batch that takes more members is closed.
select batch.tenant, batch.configuration, batch.strategy, batch.members, batch.jobs, batch.chunks,
       batch.slot_at, batch.context, batch.opened and batch.closed_at is null as "open!",
       array(select first_id from batch_range where batch_range.batch = batch.id order by first_id) as "firsts!",
       array(select last_id from batch_range where batch_range.batch = batch.id order by first_id) as "lasts!"
from batch
where batch.id = $1;
