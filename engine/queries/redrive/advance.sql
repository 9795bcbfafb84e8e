-- Notes how far a redrive has come. One whose pass failed stands behind the others for $5 seconds.
-- Index  redrive_pkey.
-- Locks  the row, held already.
update redrive
set phase = $2, cursor_id = $3, moved = moved + $4, passed_at = now() + make_interval(secs => $5)
where id = $1;
