-- Notes how far a redrive has come.
-- Index  redrive_pkey.
-- Locks  the row, held already.
update redrive
set phase = $2, cursor_id = $3, moved = moved + $4, passed_at = now()
where id = $1;
