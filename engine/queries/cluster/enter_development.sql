-- Says that this cluster is for development.
-- Index  none: one row.
-- Locks  the row.
update cluster set mode = 'development' where mode <> 'development';
