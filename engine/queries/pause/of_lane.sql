-- What stops this lane at this moment?
-- Index  pause_lane, lane_pkey; pauses are few.
-- Locks  none.
select id as "id!", scope as "scope!", subject as "subject!", mode as "mode!", who as "who!", why as "why!",
       since as "since!", until
from lane_pause
where lane = $1
order by id;
