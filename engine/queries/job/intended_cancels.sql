-- Wishes to cancel that wait to be fulfilled, oldest first.
-- Index  intent_pkey; wishes are few and short-lived.
-- Locks  none.
select intent.id, job.id as job, job.tenant, intent.who, intent.why
from intent
join job on job.id = intent.job
where intent.verb = 'cancel' and intent.at < now() - interval '1 second'
order by intent.id
limit 100;
