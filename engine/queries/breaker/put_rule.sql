-- Says what opens a breaker; without a template, those that have no rule of their own.
-- Index  breaker_rule_pkey.
-- Locks  the row.
insert into breaker_rule (tenant, template, is_on, failures, share, window_seconds, rest_seconds, who)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (tenant, template) do update
    set is_on = excluded.is_on, failures = excluded.failures, share = excluded.share,
        window_seconds = excluded.window_seconds, rest_seconds = excluded.rest_seconds,
        who = excluded.who, at = now();
