-- A page of a limit's keys, by value: what each is given and how much of it is in use.
-- Index  limit_rule_name, limit_use_value.
-- Locks  none.
select use.value, use.cap, use.used, use.rate, use.burst, refill.tokens, use.hold_until
from limit_rule rule
join limit_use use on use.rule = rule.id
cross join lateral (
    select case when use.rate is not null
                then least(use.burst, use.tokens + use.rate * greatest(0, extract(epoch from now() - use.refilled_at)::float8))
           end as tokens
) refill
where rule.tenant = $1 and rule.name = $2 and ($3::text is null or use.value > $3)
order by use.value
limit $4;
