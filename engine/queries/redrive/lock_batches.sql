-- Locks the batches whose jobs come back: what they expect is raised before the jobs move.
-- Index  batch_pkey.
-- Locks  the batches in order of id.
select id from batch where id = any ($1) order by id for update;
