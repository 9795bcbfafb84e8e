-- Locks a batch that is to be judged; nothing when somebody else has it: they, or the next pass, look.
-- Index  batch_pkey.
-- Locks  the batch, skip locked.
select tenant from batch where id = $1 and finished_at is null for update skip locked;
