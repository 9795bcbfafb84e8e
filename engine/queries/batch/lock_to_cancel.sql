-- Locks a batch that somebody cancels.
-- Index  batch_pkey.
-- Locks  the batch.
-- Gives  one row or none; whether its plan is sealed, somebody cancelled it before, it has ended, it
--        still asks for an approval whose time is over.
select state, sealed, cancelling_at is not null as "is_cancelling!", finished_at is not null as "has_ended!",
       coalesce(asking and ask_until < now() + cluster.clock_offset, false) as "is_unapproved!"
from batch
cross join cluster
where batch.tenant = $1 and batch.id = $2
for update of batch;
