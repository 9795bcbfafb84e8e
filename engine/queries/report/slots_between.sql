-- The slots of every schedule of this tenant in a span of time. A row that stands for many slots is in it where it reaches
-- into that time.
-- Index  schedule_pkey, then slot_pkey (tenant, schedule, at) and slot_until (tenant, schedule, until) once a schedule.
-- Locks  none.
-- Gives  up to $4 rows, earliest first.
select s.name as schedule, x.at, x.fire_at, x.state, x.reason, x.batch, x.job, x.decided_at, x.revision,
       x.covers, x.note, x.not_started_at, x.not_finished_at, x.until, x.n
from schedule s
cross join lateral (
    select * from slot x
    where x.tenant = s.tenant and x.schedule = s.name and x.at < $3
      and x.at >= least($2, (
          select run.at from slot run
          where run.tenant = s.tenant and run.schedule = s.name and run.until >= $2
          order by run.until limit 1))
    order by x.at limit $4) x
where s.tenant = $1
order by x.at, s.name
limit $4;
