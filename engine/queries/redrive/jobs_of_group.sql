-- A page of what is parked with one fingerprint.
-- Index  held_parked.
-- Locks  none.
-- Gives  up to $4 ids after $3.
select held.first_id as "id!"
from held
join lane on lane.id = held.lane
where held.reason = 'parked' and coalesce(held.fingerprint, '') = $2 and held.first_id > $3 and lane.tenant = $1
order by held.first_id
limit $4;
