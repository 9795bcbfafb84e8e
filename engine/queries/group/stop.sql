-- Starts nothing more of the groups of a job that is about to end with all that it started.
-- Index  child_group_pkey.
-- Locks  the groups.
update child_group set closed = true where parent = $1 and on_close = 'cancel' and not closed;
