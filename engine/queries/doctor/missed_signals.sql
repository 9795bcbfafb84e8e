-- Which signals that nobody refused are kept although a job rests for them?
-- Index  wait_message, signal_kept.
-- Locks  none.
select distinct cause.tenant as "tenant!", cause.key as "key!", cause.name as "name!"
from wait cause
where cause.kind = 'signal' and cause.n > 0
  and exists (select from signal
              where signal.tenant = cause.tenant and signal.key = cause.key and signal.name = cause.name
                and signal.job is null and signal.refused = '{}')
limit 1000;
