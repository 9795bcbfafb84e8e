-- The log of a delivery.
-- Index  delivery_try_pkey.
-- Locks  none.
-- Gives  up to 100 rows, the latest first.
select n, at, milliseconds, status, error, answer
from delivery_try
where delivery = $1
order by n desc
limit 100;
