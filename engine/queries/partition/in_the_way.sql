-- What keeps this range of ids from going? $3: what ended since then is young.
-- Index  ready_pkey, later_pkey, held_pkey, wait_pkey; batch_open, batch_range_pkey; inbox_pkey,
--        intent_job, child_pkey, child_item_job, heard_pkey, breaker_probe_pkey, redrive_job_open; job_parent; outcome_pkey backwards.
-- Locks  none.
-- Gives  one row; null when nothing does that can be seen without reading all of it.
select case
    when exists (select from ready where first_id >= $1 and first_id < $2)
      or exists (select from later where first_id >= $1 and first_id < $2)
      or exists (select from held where first_id >= $1 and first_id < $2)
        then 'a job of it is open'
    when exists (select from wait where job >= $1 and job < $2) then 'a job of it rests'
    when exists (select from lease where lease.jobs && int8range($1, $2)) then 'a worker has a job of it'
    when exists (select from batch
                 join batch_range on batch_range.batch = batch.id
                 where batch.finished_at is null and batch_range.first_id < $2 and batch_range.last_id >= $1)
        then 'a batch with jobs of it is open'
    when exists (select from inbox where job >= $1 and job < $2)
      or exists (select from intent where job >= $1 and job < $2)
      or exists (select from child where job >= $1 and job < $2)
      or exists (select from child_item where job >= $1 and job < $2)
      or exists (select from heard where job >= $1 and job < $2)
        then 'somebody waits for a job of it'
    when exists (select from redrive
                 join redrive_job on redrive_job.redrive = redrive.id
                 where redrive.state = 'running'
                   and (redrive_job.job >= $1 and redrive_job.job < $2 or redrive_job.origin >= $1 and redrive_job.origin < $2))
        then 'a redrive of its jobs is not done'
    when exists (select from breaker_probe where job >= $1 and job < $2) then 'a job of it went to see for a breaker'
    when exists (select from job child where child.parent >= $1 and child.parent < $2 and (child.id < $1 or child.id >= $2))
        then 'jobs outside of it were started by its jobs'
    when (select at from outcome where first_id >= $1 and first_id < $2 order by first_id desc limit 1) >= $3
        then 'its jobs ended lately'
end as "why?";
