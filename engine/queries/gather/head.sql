-- The position of the newest event.
-- Index  none: one row.
-- Locks  none.
select pos from event_head;
