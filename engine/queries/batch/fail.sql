-- Ends a batch that cannot be planned, with the reason.
-- Index  batch_pkey.
-- Locks  the batch.
update batch set state = 'failed', reason = $2, finished_at = now()
where id = $1 and state = 'planning';
