-- Notes what was put right.
-- Index  none.
-- Locks  the new row.
insert into doctor_repair (code, rows, place, who) values ($1, $2, $3, $4);
