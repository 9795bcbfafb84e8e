-- Asks for a delivery once more, whatever became of it: the same event under the same id.
-- Index  delivery_pkey.
-- Locks  the row.
-- Gives  one affected row, or none where there is no such delivery.
update delivery
set state = 'waiting', ended_at = null, asked = true, due = now() + cluster.clock_offset
from cluster
where delivery.tenant = $1 and delivery.id = $2;
