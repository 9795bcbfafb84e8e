-- A page of the jobs of an individual batch, in plan order: ids were given in that order.
-- Index  batch_range_pkey, from the range of job $3 on, then job_pkey.
-- Locks  none.
-- Gives  up to $4 rows after job $3, the $5th of the batch. `n` is the job's place among the batch's jobs,
--        from 1: it counts on from $5, so a page reads its own ranges and none before.
with range as (
    select first_id, greatest(first_id, $3::bigint + 1) as from_id, last_id,
           $5::bigint + coalesce(sum(last_id - greatest(first_id, $3::bigint + 1) + 1) over (order by first_id
               rows between unbounded preceding and 1 preceding), 0)::bigint as before
    from batch_range
    where batch = $2 and last_id > $3::bigint
      and first_id >= coalesce((select max(b.first_id) from batch_range b where b.batch = $2 and b.first_id <= $3), 0)
)
select r.before + p.id - r.from_id + 1 as "n!", p.id as "job!", p.member_key as "key?", p.object
from (select * from range order by first_id) r
cross join lateral (
    select j.id, j.member_key, j.object from job j
    where j.id between r.from_id and r.last_id and j.tenant = $1
    order by j.id limit $4) p
-- the range first: the sort is then incremental, and reads no further than the page
order by r.first_id, p.id
limit $4;
