-- What the doctor put right lately, newest first.
-- Index  doctor_repair_pkey, read backwards.
-- Locks  none.
-- Gives  up to $1 rows.
select id, at, code, rows, place, who from doctor_repair order by id desc limit $1;
