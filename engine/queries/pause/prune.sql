-- Forgets pauses that ended a day ago, and those of jobs that have ended.
-- Index  pause_pkey; outcome's key, one step back inside the block of 1,000 ids. Pauses are few.
-- Locks  the rows.
delete from pause
where (job is null and until < (select now() + clock_offset from cluster) - interval '1 day')
   or (job is not null and exists (
          select from (select last_id from outcome
                       where first_id <= pause.job and first_id >= pause.job / 1000 * 1000
                       order by first_id desc limit 1) near
          where near.last_id >= pause.job));
