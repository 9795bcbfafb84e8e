-- What people were asked and is over, the newest first.
-- Index  approval_pkey, backwards: most of what was ever asked is over.
-- Locks  none.
-- Gives  up to $3 rows below id $2.
select id, job, key, round, subject, assignees, options, opened_at, asked_at, ended_at, decision, decided_by, comment, decided_at,
       missed
from approval
where tenant = $1 and ended_at is not null and id < $2
order by id desc
limit $3;
