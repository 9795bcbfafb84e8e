-- The next events of whatever type, up to a position.
-- Index  event_pkey.
-- Locks  none.
-- Gives  up to 100 rows in their order.
select pos, data
from event
where tenant = $1 and pos > $2 and pos <= $3
order by pos
limit 100;
