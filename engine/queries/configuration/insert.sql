-- Keeps the next revision of a document.
-- Index  configuration_pkey.
-- Locks  the new row; the caller holds the tenant's apply lock, so revisions leave no gap.
-- Gives  one affected row.
insert into configuration (tenant, kind, name, revision, document, hash, source_file, applied_by)
values ($1, $2, $3, $4, $5, $6, $7, $8);
