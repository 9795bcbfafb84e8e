-- Which pauses refuse new work?
-- Index  pause_lane; pauses are few.
-- Locks  none.
select tenant, scope, subject, who, why, until
from pause cross join cluster
where job is null and pause.mode = 'reject' and (until is null or until > now() + clock_offset)
order by id;
