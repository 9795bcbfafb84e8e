-- Locks a batch for release; nothing when another releaser has it.
-- Index  batch_pkey.
-- Locks  the batch, skip locked.
select release_window, released
from batch
where id = $1 and state in ('planned', 'releasing') and not asking
for update skip locked;
