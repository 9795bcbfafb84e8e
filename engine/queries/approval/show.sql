-- One request of a job to people.
-- Index  approval_pkey.
-- Locks  none.
-- Gives  one row or none.
select id, job, key, round, subject, assignees, options, opened_at, asked_at, ended_at, decision, decided_by, comment, decided_at,
       missed
from approval
where id = $2 and tenant = $1;
