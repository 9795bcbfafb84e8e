-- Takes pauses of single jobs that are to end: the one $1, else those whose time is over. A flush that
-- is about to hold such a job goes first, or finds no pause any more.
-- Index  pause_pkey, pause_job; pauses are few.
-- Locks  the rows, in the order of their jobs.
select pause.id
from pause cross join cluster
where job is not null and case when $1::int8 is null then until <= now() + clock_offset else pause.id = $1 end
order by job
limit 500
for update of pause;
