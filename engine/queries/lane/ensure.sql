-- Makes sure that a lane exists; says nothing about one that already did (read it in the next statement).
-- A key of which a job takes more than one unit is `limit*cost:key`; `!limit` is none.
-- Index  the natural key; limit_rule_name, limit_use_value; lane_batch.
-- Locks  the new row only.
insert into lane (tenant, queue, grp, purpose, template, capability, batch, limit_keys, weight, own_weight, limits, costs)
select $1, $2, $3, $4, $5, $6, $7, $8,
       -- what its batch was given is that of its lanes to come as well
       coalesce((select weight from lane where batch = $7 and batch <> 0 limit 1), 1),
       coalesce((select own_weight from lane where batch = $7 and batch <> 0 limit 1), 1),
       coalesce(array_agg(key order by key), '{}'),
       case when bool_or(cost > 1) then array_agg(cost order by key) else '{}' end
from (
    select limit_use.key, coalesce(nullif(split_part(head, '*', 2), '')::int4, 1) as cost
    from unnest($8::text[]) as wanted
    cross join lateral split_part(wanted, ':', 1) as head
    join limit_rule on limit_rule.tenant = $1 and limit_rule.name = split_part(head, '*', 1)
    join limit_use on limit_use.rule = limit_rule.id
                  and limit_use.value = substr(wanted, length(head) + 2)
) part
on conflict do nothing;
