-- A page of documents of one kind, each in its newest revision.
-- Index  configuration_pkey (tenant, kind, name).
-- Locks  none.
-- Gives  up to $4 rows after the name $3.
select distinct on (name) kind, name, revision, document, hash, source_file, applied_by, applied_at
from configuration
where tenant = $1 and kind = $2 and name > $3
order by name, revision desc
limit $4;
