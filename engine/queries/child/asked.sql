-- A child that nobody wants any more was asked to end, or cannot be: it is not asked again.
-- Index  child_pkey.
-- Locks  the child.
update child set closing_at = null where job = $1;
