-- Makes sure that a lane exists; says nothing about one that already did (read it in the next statement).
-- Index  the natural key; limit_rule_name, limit_use_value.
-- Locks  the new row only.
insert into lane (tenant, queue, grp, purpose, template, capability, batch, limit_keys, limits)
values ($1, $2, $3, $4, $5, $6, $7, $8, array(
    select limit_use.key
    from unnest($8::text[]) as wanted
    join limit_rule on limit_rule.tenant = $1 and limit_rule.name = split_part(wanted, ':', 1)
    join limit_use on limit_use.rule = limit_rule.id
                  and limit_use.value = substr(wanted, length(limit_rule.name) + 2)
    order by limit_use.key))
on conflict do nothing;
