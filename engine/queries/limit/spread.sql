-- Gives the counters of edited rules their figures: what is queued under them follows at once. Tokens
-- that came at the old rate are kept, up to the new burst.
-- Index  limit_use_value, limit_use_pkey.
-- Locks  the counters, in key order.
with changed as materialized (
    select limit_use.*,
           coalesce((rule.keys -> value ->> 'concurrency')::int4, rule.concurrency) as new_cap,
           coalesce((rule.keys -> value ->> 'rate')::float8, rule.rate) as new_rate,
           coalesce((rule.keys -> value ->> 'burst')::int4, rule.burst) as new_burst
    from limit_rule rule
    join limit_use on limit_use.rule = rule.id
    where rule.id = any ($1)
    order by limit_use.key
    for update of limit_use
)
update limit_use
set cap = new_cap, rate = new_rate, burst = new_burst,
    tokens = case
        when new_rate is null then 0
        when changed.rate is null then new_burst
        else least(new_burst, changed.burst, changed.tokens
                   + changed.rate * greatest(0, extract(epoch from now() - changed.refilled_at)::float8))
    end,
    refilled_at = greatest(changed.refilled_at, now())
from changed
where limit_use.key = changed.key;
