-- The revisions of a configuration document, the latest first.
-- Index  configuration_pkey, read backwards.
-- Locks  none.
-- Gives  up to $5 rows before the revision $4.
select kind, name, revision, document, hash, source_file, applied_by, applied_at
from configuration
where tenant = $1 and kind = $2 and name = $3 and revision < $4
order by revision desc
limit $5;
