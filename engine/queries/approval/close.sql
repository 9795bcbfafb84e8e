-- Ends what steps asked that are over without an answer, in the flush that says so. A decision that is there all the
-- same came too late for them.
-- Index  approval_of_job.
-- Locks  the rows, in order.
with closed as materialized (
    select job, array_agg(activity) as activities
    from unnest($1::int8[], $2::int4[]) closed (job, activity)
    group by job
),
own as materialized (
    select approval.id, closed.activities as gone
    from closed
    join approval on approval.job = closed.job
    where approval.activities && closed.activities
    order by approval.job, approval.key
    for update of approval
),
rest as materialized (
    select own.id, array(select activity from unnest(approval.activities) activity where activity <> all (own.gone)) as activities
    from own join approval on approval.id = own.id
)
update approval
set activities = rest.activities,
    missed = decision is not null and rest.activities = '{}',
    ended_at = case
        when rest.activities = '{}' then coalesce(ended_at, now() + (select clock_offset from cluster))
        else ended_at
    end
from rest
where approval.id = rest.id;
