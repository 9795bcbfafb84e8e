-- Question: an outcome for each job of $1, all of the lease $2.
-- Locks: the row of lease; to delete it is the right to settle.
with d as (delete from lease where lease_id = $2 returning lease_id)
insert into outcome (job_id, lease_id, state) select unnest($1::bigint[]), lease_id, 1::smallint from d
