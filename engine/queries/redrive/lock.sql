-- The redrive, no restart, whose pass was longest ago.
-- Index  redrive_running; few run at a time.
-- Locks  the row, skip locked.
-- Gives  one row or none; the seconds since its last pass.
select id, tenant, fingerprint, batch, jobs, rate, canary, failed_too, phase, cursor_id, upto_id, moved,
       extract(epoch from now() - passed_at)::float8 as "seconds!"
from redrive
where state = 'running' and generation is null
order by passed_at, id
limit 1
for update skip locked;
