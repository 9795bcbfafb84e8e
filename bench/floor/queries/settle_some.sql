-- Question: an outcome for each job of $1, which is held by the lease beside it in $2. $3 names each lease once.
-- Locks: those rows of lease, shared; what belongs to a lost one is not written.
with f as materialized (select lease_id from lease where lease_id = any ($3::bigint[]) for key share)
insert into outcome (job_id, lease_id, state)
select e.j, e.l, 1 from unnest($1::bigint[], $2::bigint[]) e (j, l)
where e.l in (select lease_id from f)
