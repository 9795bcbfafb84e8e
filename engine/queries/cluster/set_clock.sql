-- Moves the development clock to an instant, exactly, and never back; the table's check refuses it in
-- production.
-- Index  none: one row.
-- Locks  the row.
-- Gives  one affected row, or none when the clock is past the instant.
update cluster set clock_offset = $1::timestamptz - now()
where $1::timestamptz >= now() + clock_offset;
