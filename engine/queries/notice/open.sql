-- Notices of which nobody was told yet.
-- Index  notice_open (at, id).
-- Locks  none: each is told under its own.
-- Gives  up to 100 rows, the oldest first.
select id, tenant, kind, batch, generation, n, schedule, slot_at, at, data
from notice
where told_at is null
order by at, id
limit 100;
