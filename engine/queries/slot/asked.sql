-- Slots that a backfill still has to run, oldest first.
-- Index  slot_due: planned slots are few.
-- Locks  none.
-- Gives  up to 1,000 rows.
select at, asked_by as "asked_by!"
from slot
where tenant = $1 and schedule = $2 and state = 'planned' and asked_by is not null
order by at
limit 1000;
