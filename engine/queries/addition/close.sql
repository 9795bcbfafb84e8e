-- Closes an opened batch: nothing is added to it any more, and it ends as others do.
-- Index  batch_pkey.
-- Locks  the batch, held already.
update batch set closed_at = now(), closed_by = $2 where id = $1 and closed_at is null;
