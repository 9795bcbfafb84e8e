-- Question: the next $1 due jobs out of at most $2 extents, under one new lease.
-- Index: ready_ix. Locks: rows of ready, in the order of ready_ix, skipping locked ones.
-- Rows of ready are never updated: a statement that locks with `skip locked` and then updates by
-- ctid gives one job to two claimers.
with c as materialized (
  select ctid t, next_id f, last_id l, attempt a, priority, run_at, first_id from ready
  where queue = 1 and run_at <= now()
  order by queue, priority, run_at, first_id limit $2::bigint for update skip locked),
s as (select c.*, (sum(l - f + 1) over (order by priority, run_at, first_id))::bigint cum from c),
p as materialized (
  select t, a, f, l, priority, run_at, least(l, f + ($1::bigint - (cum - (l - f + 1))) - 1) upto
  from s where cum - (l - f + 1) < $1::bigint),
d as (delete from ready where ctid = any (array(select p.t from p))),
u as (
  insert into ready (queue, priority, attempt, run_at, first_id, next_id, last_id)
  select 1, priority, a, run_at, upto + 1, upto + 1, l from p where upto < l),
le as (
  insert into lease
  select nextval('lease_id'), 7, range_agg(int8range(f, upto, '[]')), min(a), now()
  from p having count(*) > 0 returning lease_id)
select j.id, j.payload, le.lease_id
from p cross join le
cross join lateral (select k.id, k.payload from job k where k.id between p.f and p.upto) j
