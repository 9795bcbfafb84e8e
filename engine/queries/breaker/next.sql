-- The next breaker after ($1, $2) that a pass has something to do for: it probes, its rest is over, or
-- probes of an earlier step are not back yet.
-- Index  breaker_pkey, breaker_probe_pkey; breakers are few.
-- Locks  the row, before anything else, skip locked.
-- Gives  one row or none.
select tenant, template, state, fingerprint, step, round, refusals, coalesce(due <= coalesce($3, now()), false) as "is_due!", now() as "now!"
from breaker
where (tenant, template) > ($1, $2)
  and (state = 'probing'
       or state = 'open' and due <= coalesce($3, now())
       or exists (select from breaker_probe probe
                  where probe.tenant = breaker.tenant and probe.template = breaker.template))
order by tenant, template
limit 1
for update of breaker skip locked;
