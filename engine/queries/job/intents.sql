-- Which wishes to cancel this job have not come true yet?
-- Index  intent_job.
-- Locks  none.
select who, why
from intent
where job = $1 and verb = 'cancel'
order by id;
