-- How many jobs of its lane go before this due job? Counted by extents, 10,000 of them at most.
-- Index  ready_pkey, one step back inside the block of 1,000 ids; ready_lane.
-- Locks  none.
-- Gives  one row, or none when the job is not due.
with own as (
    select first_id, last_id, lane, eff from ready
    where first_id <= $1 and first_id >= $1 / 1000 * 1000
    order by first_id desc limit 1
)
select (coalesce(sum(before.last_id - before.first_id + 1), 0) + $1 - own.first_id)::int8 as "jobs!",
       count(before.first_id) = 10000 as "is_more!"
from own
left join lateral (
    select ready.first_id, ready.last_id from ready
    where ready.lane = own.lane and (ready.eff, ready.first_id) < (own.eff, own.first_id)
    order by ready.eff, ready.first_id limit 10000) before on true
where own.last_id >= $1
group by own.first_id;
