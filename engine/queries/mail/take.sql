-- Deletes the letters that machines have taken, in the flush that says so.
-- Index  inbox_pkey.
-- Locks  the rows.
delete from inbox
using unnest($1::int8[], $2::int8[]) taken (job, id)
where inbox.job = taken.job and inbox.id = taken.id;
