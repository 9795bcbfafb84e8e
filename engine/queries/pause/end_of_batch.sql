-- Ends the pause of a batch that somebody cancels: a cancel is stronger.
-- Index  pause_identity.
-- Locks  the row, under the batch's lock.
delete from pause where tenant = $1 and scope = $2 and subject = $3;
