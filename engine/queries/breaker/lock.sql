-- Takes one breaker.
-- Index  breaker_pkey.
-- Locks  the row, before anything else.
-- Gives  one row or none.
select tenant, template, state, fingerprint, step, round, refusals, false as "is_due!", now() as "now!"
from breaker
where tenant = $1 and template = $2
for update;
