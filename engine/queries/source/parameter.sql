-- How is a value of type $1 sent, what is the type called, and is it an array?
-- Index  the catalogue's own.
-- Locks  none.
-- Gives  one row or none. Runs on the database that a batch is read from.
select typsend::regproc::text as "send!", format_type(oid, -1) as "name!", typcategory = 'A' as "is_array!"
from pg_type
where oid = $1;
