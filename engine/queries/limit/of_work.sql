-- Which limits hold for this work: those that it names, and those that are attached to it?
-- Index  limit_rule_name, limit_rule_attached.
-- Locks  none.
select name, key, concurrency, burst, keys, overflow, coalesce(name = any ($2), false) as "named!"
from limit_rule
where tenant = $1
  and (name = any ($2)
       or scope = 'tenant'
       or (scope = 'purpose' and scope_name = $3)
       or (scope = 'template' and scope_name = $4)
       or (scope = 'queue' and scope_name = $5))
order by name;
