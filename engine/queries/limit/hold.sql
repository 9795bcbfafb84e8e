-- Starts nothing under the keys of a lane for so many seconds; a later one that stands already stays.
-- Index  lane_pkey, limit_use_pkey.
-- Locks  the counters, in key order.
with asked as materialized (
    select limit_use.key, greatest(limit_use.hold_until, now() + make_interval(secs => $2)) as until
    from lane
    join limit_use on limit_use.key = any (lane.limits)
    where lane.id = $1
    order by limit_use.key
    for update of limit_use
)
update limit_use set hold_until = asked.until from asked where limit_use.key = asked.key;
