-- What waits for one of them, the newest first. All of it is sorted: nobody has more than can be answered.
-- Index  approval_assignee.
-- Locks  none.
-- Gives  up to $3 rows below id $2.
with mine as materialized (
    select * from approval where ended_at is null and assignees @> array[$4]
)
select id, job, key, round, subject, assignees, options, opened_at, asked_at, ended_at, decision, decided_by, comment, decided_at,
       missed
from mine
where tenant = $1 and id < $2
order by id desc
limit $3;
