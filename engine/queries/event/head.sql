-- Makes its caller the one publisher, until the end of its transaction.
-- Index  event_head_pkey.
-- Locks  the row, skip locked.
-- Gives  one row, or none where somebody else is publishing.
select pos from event_head where only_row for update skip locked;
