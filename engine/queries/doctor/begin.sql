-- Takes a pass of the check $1, unless somebody began one less than $2 seconds ago and came to its end.
-- Index  doctor_check_pkey.
-- Locks  the row.
-- Gives  where to go on and what this round found before, or no row.
insert into doctor_check as mine (name) values ($1)
on conflict (name) do update set begun_at = now()
    where mine.begun_at <= now() - make_interval(secs => $2) or mine.cursor_id > 0
returning cursor_id, found_so_far as "found_so_far: Json<Vec<Finding>>";
