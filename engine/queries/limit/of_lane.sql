-- The limits of a lane: what each key is given, how much is in use, when it opens.
-- Index  lane_pkey, limit_use_pkey.
-- Locks  none.
-- Gives  the keys in order; `next_token_at` where less than one token is left.
select rule.name, use.value, use.cap, use.used, use.rate, use.burst, use.hold_until,
       case when use.rate is not null and refill.tokens < 1
            then now() + make_interval(secs => (1 - refill.tokens) / use.rate) end as "next_token_at?",
       now() as "now!"
from lane
join limit_use use on use.key = any (lane.limits)
join limit_rule rule on rule.id = use.rule
cross join lateral (
    select least(use.burst, use.tokens + use.rate * greatest(0, extract(epoch from now() - use.refilled_at)::float8)) as tokens
) refill
where lane.id = $1
order by use.key;
