-- One revision of a configuration document.
-- Index  configuration_pkey.
-- Locks  none.
-- Gives  one row or none.
select kind, name, revision, document, hash, source_file, applied_by, applied_at
from configuration
where tenant = $1 and kind = $2 and name = $3 and revision = $4;
