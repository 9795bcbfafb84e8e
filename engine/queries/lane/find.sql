-- Which lane bears this natural key?
-- Index  the natural key.
-- Locks  none.
select id
from lane
where tenant = $1 and queue = $2 and grp = $3 and purpose = $4 and template = $5 and capability = $6
  and batch = $7 and limit_keys = $8;
