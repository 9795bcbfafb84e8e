-- Notes the job that was made of a callback, or why none can be.
-- Index  callback_pkey.
-- Locks  the row.
update callback set job = $3, problem = $4 where notice = $1 and n = $2 and job is null and problem is null;
