-- Question: a journal row for each job of $1, which is held by the lease beside it in $2; its number stands
-- in $3, its data in $4. $5 names each lease once.
-- Locks: those rows of lease, shared; what belongs to a lost one is not written.
with f as materialized (select lease_id from lease where lease_id = any ($5::bigint[]) for key share)
insert into journal (job_id, seq, kind, data)
select e.j, e.s, 1, e.d::jsonb
from unnest($1::bigint[], $2::bigint[], $3::smallint[], $4::text[]) e (j, l, s, d)
where e.l in (select lease_id from f)
