-- The limits of a lane: what each key is given, how much is in use, when it opens.
-- Index  lane_pkey, limit_use_pkey.
-- Locks  none.
-- Gives  the keys in order, with what one job takes; `next_token_at` where fewer tokens are left.
select rule.name, use.value, use.cap, use.used, use.rate, use.burst, use.hold_until, each.cost as "cost!",
       case when use.rate is not null and refill.tokens < each.cost
            then now() + make_interval(secs => (each.cost - refill.tokens) / use.rate) end as "next_token_at?",
       now() as "now!"
from lane
join limit_use use on use.key = any (lane.limits)
join limit_rule rule on rule.id = use.rule
cross join lateral (
    select least(use.burst, use.tokens + use.rate * greatest(0, extract(epoch from now() - use.refilled_at)::float8)) as tokens
) refill
cross join lateral (
    select coalesce(lane.costs[array_position(lane.limits, use.key)], 1) as cost
) each
where lane.id = $1
order by use.key;
