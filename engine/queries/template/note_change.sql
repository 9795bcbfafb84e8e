-- Says that names of templates and purposes may mean something else from here on.
-- Index  none: one row.
-- Locks  the row, until the caller's transaction ends; writers of the catalogue take turns anyway.
update catalogue set stamp = stamp + 1;
