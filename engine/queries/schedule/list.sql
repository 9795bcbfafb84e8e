-- A page of schedules, each with its next planned and its last decided slot.
-- Index  schedule_pkey; slot_pkey (tenant, schedule, at) twice a schedule.
-- Locks  none.
-- Gives  up to $3 rows after the name $2.
select s.name, s.revision, s.rule, s.zone_data, s.planned_until, s.enabled,
       s.paused_until, s.paused_by, s.paused_why,
       n.at as "next_at?", d.at as "last_at?", d.state as "last_state?", d.batch as "last_batch?"
from schedule s
left join lateral (
    select x.at from slot x
    where x.tenant = s.tenant and x.schedule = s.name and x.state = 'planned'
      and x.at > (select now() + clock_offset from cluster) - interval '7 days'
    order by x.at limit 1) n on true
left join lateral (
    select x.at, x.state, x.batch from slot x
    where x.tenant = s.tenant and x.schedule = s.name and x.state <> 'planned'
    order by x.at desc limit 1) d on true
where s.tenant = $1 and s.name > $2
order by s.name
limit $3;
