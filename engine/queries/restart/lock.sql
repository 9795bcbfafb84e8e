-- A restart that runs.
-- Index  redrive_running (id).
-- Locks  the row, skip locked.
-- Gives  one row or none.
select id, tenant, batch as "batch!", fingerprint, members, template_version, phase, cursor_id, upto_id
from redrive
where id = $1 and state = 'running' and generation is not null
for update skip locked;
