-- A page of the jobs of an individual batch, in plan order: ids were given in that order.
-- Index  batch_range_pkey, from the range of job $3 on, then job_pkey; outcome_pkey, a range for each block of
--        1,000 ids that the page touches: an extent never leaves its block.
-- Locks  none.
-- Gives  up to $4 rows after job $3, the $6th of the batch. `n` is the job's place among the batch's jobs,
--        from 1: it counts on from $6, so a page reads its own ranges and none before. Results, where $5 asks for
--        them, have at most $7 bytes together in all rows but the last.
with range as (
    select first_id, greatest(first_id, $3::bigint + 1) as from_id, last_id,
           $6::bigint + coalesce(sum(last_id - greatest(first_id, $3::bigint + 1) + 1) over (order by first_id
               rows between unbounded preceding and 1 preceding), 0)::bigint as before
    from batch_range
    where batch = $2 and last_id > $3::bigint
      and first_id >= coalesce((select max(b.first_id) from batch_range b where b.batch = $2 and b.first_id <= $3), 0)
),
page as materialized (
    select r.before + p.id - r.from_id + 1 as n, p.id, p.member_key, p.object
    from (select * from range order by first_id) r
    cross join lateral (
        select j.id, j.member_key, j.object from job j
        where j.id between r.from_id and r.last_id and j.tenant = $1
        order by j.id limit $4) p
    -- the range first: the sort is then incremental, and reads no further than the page
    order by r.first_id, p.id
    limit $4
),
block as (select min(id) as first, max(id) as last from page group by id / 1000),
ended as materialized (
    select id, o.kind, o.code, o.fingerprint, o.attempt, o.at, o.result
    from block
    cross join lateral (
        select * from outcome
        where first_id between block.first / 1000 * 1000 and block.last and last_id >= block.first) o
    cross join lateral generate_series(greatest(o.first_id, block.first), least(o.last_id, block.last)) id
)
select n as "n!", id as "job!", member_key as "key?", object as "object?", kind as "outcome?", code as "code?",
       fingerprint as "fingerprint?", attempt as "attempt?", at as "ended_at?", result as "result?"
from (
    select page.*, o.kind, o.code, o.fingerprint, o.attempt, o.at, case when $5 then o.result end as result,
           sum(case when $5 then octet_length(o.result) end)
               over (order by page.id rows between unbounded preceding and 1 preceding) as before
    from page
    left join ended o using (id)
) shown
where coalesce(before, 0) <= $7
order by id;
