-- Stores what the document of a limit says, in the revision that is in force.
-- Index  limit_rule_name.
-- Locks  the rule.
insert into limit_rule (tenant, name, scope, scope_name, key, concurrency, rate, burst, keys, overflow)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
on conflict (tenant, name) do update
    set scope = excluded.scope, scope_name = excluded.scope_name, key = excluded.key,
        concurrency = excluded.concurrency, rate = excluded.rate, burst = excluded.burst,
        keys = excluded.keys, overflow = excluded.overflow
returning id;
