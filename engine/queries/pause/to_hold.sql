-- Pauses of single jobs that are not held yet: they ran, or came back from a dead worker.
-- Index  pause_job, held_pkey.
-- Locks  none.
-- Gives  up to 100 rows after the job $1.
select pause.tenant, pause.job as "job!"
from pause cross join cluster
where job > $1 and (until is null or until > now() + clock_offset)
  and not exists (select from held where held.first_id = pause.job and held.last_id = pause.job and held.reason = 'paused')
order by job
limit 100;
