-- A redrive, or a restart, that runs.
-- Index  redrive_running (id).
-- Locks  the row, skip locked.
-- Gives  one row or none; the seconds since its last pass.
select id, tenant, fingerprint, batch, jobs, rate, canary, failed_too, phase, cursor_id, upto_id, moved,
       extract(epoch from now() - passed_at)::float8 as "seconds!"
from redrive
where id = $1 and state = 'running'
for update skip locked;
