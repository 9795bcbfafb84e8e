-- Forgets repairs of more than 90 days ago.
-- Index  doctor_repair_at; doctor_repair_pkey.
-- Locks  the rows.
-- Gives  how many rows, at most 1,000.
delete from doctor_repair
where id in (select id from doctor_repair where at < now() - interval '90 days' order by at limit 1000);
