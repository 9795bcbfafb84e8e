-- Notices of which nobody was told yet.
-- Index  notice_open (at, id).
-- Locks  none: each is told under its own.
-- Gives  up to 100 rows, the oldest first, after the notice $2 of the time $1.
select id, tenant, kind, batch, generation, n, schedule, slot_at, at, data
from notice
where told_at is null and (at, id) > ($1::timestamptz, $2::uuid)
order by at, id
limit 100;
