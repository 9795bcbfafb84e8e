-- Ends a batch with a tolerance whose settlements are complete; its halt goes with it.
-- Index  batch_pkey; pause_identity.
-- Locks  the batch, held already; its halt.
with gone as (
    delete from pause using batch
    where batch.id = $1 and pause.tenant = batch.tenant and pause.scope = 'halt' and pause.subject = batch.id::text
)
update batch set state = $2, finished_at = now() where id = $1 and finished_at is null;
