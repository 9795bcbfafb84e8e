-- Makes sure that the counters of these keys exist, with the figures that the rule has for each.
-- Index  limit_rule_name, limit_use_value.
-- Locks  the rules, shared, in order of id: an edit either finds the new counter or comes first; then
--        the new rows.
with rule as materialized (
    select limit_rule.*, substr(wanted, length(split_part(wanted, ':', 1)) + 2) as value
    from unnest($2::text[]) as wanted
    join limit_rule on limit_rule.tenant = $1 and limit_rule.name = split_part(split_part(wanted, ':', 1), '*', 1)
    order by limit_rule.id
    for share of limit_rule
)
insert into limit_use (rule, value, cap, rate, burst, tokens)
select id, value,
       coalesce((keys -> value ->> 'concurrency')::int4, concurrency),
       coalesce((keys -> value ->> 'rate')::float8, rate),
       coalesce((keys -> value ->> 'burst')::int4, burst),
       coalesce((keys -> value ->> 'burst')::int4, burst, 0)
from rule
order by id, value
on conflict do nothing;
