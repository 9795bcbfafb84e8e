-- The id of a batch that a step is about to open; one that is not used is skipped for ever.
-- Index  none.
-- Locks  none.
select nextval(pg_get_serial_sequence('batch', 'id')) as "id!";
