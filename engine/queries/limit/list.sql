-- A page of limits by name, each with the sums of its keys.
-- Index  limit_rule_name, limit_use_value.
-- Locks  none.
select rule.name, rule.scope, rule.scope_name, rule.key as expression, rule.concurrency, rule.rate, rule.burst,
       rule.overflow, use.keys as "keys!", use.used as "used!", use.full_keys as "full_keys!"
from limit_rule rule
cross join lateral (
    select count(*) as keys, coalesce(sum(used), 0)::int8 as used, count(*) filter (where used >= cap) as full_keys
    from limit_use where limit_use.rule = rule.id
) use
where rule.tenant = $1 and rule.name > $2
order by rule.name
limit $3;
