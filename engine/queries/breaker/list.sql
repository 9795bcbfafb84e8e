-- Breakers that ever opened, in the order of their templates.
-- Index  breaker_pkey; pause_identity.
-- Locks  none.
-- Gives  up to $3 rows after the template $2.
select breaker.template, breaker.state, breaker.fingerprint, breaker.code, breaker.failures, breaker.ended,
       breaker.sample, breaker.step, breaker.refusals, breaker.since, breaker.due, breaker.who, breaker.why,
       pause.id as "pause?"
from breaker
left join pause on pause.tenant = breaker.tenant and pause.scope = 'breaker' and pause.subject = breaker.template
               and breaker.state <> 'closed'
where breaker.opened_at is not null and breaker.tenant = $1 and breaker.template > $2
order by breaker.template
limit $3;
