-- Keeps the wish to cancel a job that changes hands too fast, for the duty to fulfil.
-- Index  intent_job.
-- Locks  the new row.
insert into intent (job, verb, who, why)
values ($1, 'cancel', $2, $3)
on conflict do nothing;
