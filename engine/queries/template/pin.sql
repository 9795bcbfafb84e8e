-- Writes down the versions of its children that a template version was published with.
-- Index  template_version_pkey.
-- Locks  the row, in the transaction that made it.
update template_version set pins = $2 where id = $1;
