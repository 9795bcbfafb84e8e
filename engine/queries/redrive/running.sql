-- Restarts of batches that run ($1), or other redrives: first the one whose pass was longest ago.
-- Index  redrive_running; few run at a time.
-- Locks  none: each is locked by itself.
-- Gives  up to 1,000 rows.
select id
from redrive
where state = 'running' and (generation is not null) = $1::bool
order by passed_at, id
limit 1000;
