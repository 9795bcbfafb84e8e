-- Locks a batch that somebody cancels.
-- Index  batch_pkey.
-- Locks  the batch.
-- Gives  one row or none; whether its plan is sealed, somebody cancelled it before, it has ended.
select state, sealed, cancelling_at is not null as "is_cancelling!", finished_at is not null as "has_ended!"
from batch
where tenant = $1 and id = $2
for update;
