-- Does the job exist, and has it ended?
-- Index  job_pkey; the outcome's key, one step back in its block.
-- Locks  none.
select exists (
    select from (
        select last_id from outcome
        where first_id <= job.id and first_id > job.id - 1000
        order by first_id desc limit 1
    ) nearest
    where nearest.last_id >= job.id
) as "is_final!"
from job
where id = $2 and tenant = $1;
