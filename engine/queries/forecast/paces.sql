-- How far was a batch a minute ago, and a quarter of an hour ago, or as long as it is known?
-- Index  pace_pkey.
-- Locks  none.
-- Gives  one row.
select near.active_seconds as "near_active?", near.settled as "near_settled?",
       far.active_seconds as "far_active?", far.settled as "far_settled?"
from (select) one
left join lateral (
    (select active_seconds, settled from pace where batch = $1 and at <= $2::timestamptz - interval '50 seconds' order by at desc limit 1)
) near on true
left join lateral (
    (select active_seconds, settled from pace where batch = $1 and at >= $2::timestamptz - interval '16 minutes' order by at limit 1)
) far on true;
