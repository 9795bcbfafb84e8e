-- What opens the breaker of this template?
-- Index  breaker_rule_pkey.
-- Locks  none.
-- Gives  one row: its own rule, else the tenant's, else the engine's figures ($3 to $7).
select coalesce(own.is_on, common.is_on, $3) as "is_on!",
       coalesce(own.failures, common.failures, $4) as "failures!",
       coalesce(own.share, common.share, $5) as "share!",
       coalesce(own.window_seconds, common.window_seconds, $6) as "window_seconds!",
       coalesce(own.rest_seconds, common.rest_seconds, $7) as "rest_seconds!"
from (values (1)) one
left join breaker_rule own on own.tenant = $1 and own.template = $2
left join breaker_rule common on common.tenant = $1 and common.template = '';
