-- The number under which names of templates and purposes are resolved now.
-- Index  none: one row.
-- Locks  none.
select stamp from catalogue;
