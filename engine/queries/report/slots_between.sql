-- The slots of every schedule of this tenant in a span of time.
-- Index  schedule_pkey, then slot_pkey (tenant, schedule, at) once a schedule.
-- Locks  none.
-- Gives  up to $4 rows, earliest first.
select s.name as schedule, x.at, x.fire_at, x.state, x.reason, x.batch, x.job, x.decided_at, x.revision,
       x.covers, x.note, x.not_started_at, x.not_finished_at
from schedule s
cross join lateral (
    select * from slot x
    where x.tenant = s.tenant and x.schedule = s.name and x.at >= $2 and x.at < $3
    order by x.at limit $4) x
where s.tenant = $1
order by x.at, s.name
limit $4;
