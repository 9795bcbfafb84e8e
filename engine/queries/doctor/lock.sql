-- Locks a check, so that two doctors do not put the same thing right at the same time.
-- Index  doctor_check_pkey.
-- Locks  the row, before everything else.
-- Gives  one row.
select name from doctor_check where name = $1 for update;
