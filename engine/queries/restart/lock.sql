-- The restart whose pass was longest ago.
-- Index  redrive_running; few run at a time.
-- Locks  the row, skip locked.
-- Gives  one row or none.
select id, tenant, batch as "batch!", fingerprint, members, template_version, phase, cursor_id, upto_id
from redrive
where state = 'running' and generation is not null
order by passed_at, id
limit 1
for update skip locked;
