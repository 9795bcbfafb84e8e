-- How many more jobs may be under these keys, running ones and due ones together?
-- Index  limit_rule_name, limit_use_value; lane_limits, ready_lane.
-- Locks  none: the caller holds the keys' advisory locks, so nobody else takes jobs under them, and a
--        claim only moves one from due to running.
-- Gives  a row a key; below zero when there are too many.
select use.key, rule.name, use.value, rule.overflow,
       least(use.cap - use.used, floor(refill.tokens)::int4) - queued.n as "room!"
from unnest($2::text[]) as wanted
join limit_rule rule on rule.tenant = $1 and rule.name = split_part(wanted, ':', 1)
join limit_use use on use.rule = rule.id and use.value = substr(wanted, length(rule.name) + 2)
cross join lateral (
    select case when use.rate is not null
                then least(use.burst, use.tokens + use.rate * greatest(0, extract(epoch from now() - use.refilled_at)::float8))
           end as tokens
) refill
cross join lateral (
    select coalesce(sum((ready.last_id - ready.first_id + 1)
                        * coalesce(lane.costs[array_position(lane.limits, use.key)], 1)), 0)::int4 as n
    from lane join ready on ready.lane = lane.id
    where lane.limits <> '{}' and lane.limits @> array[use.key]
) queued
order by use.key;
