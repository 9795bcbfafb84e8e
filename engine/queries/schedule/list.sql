-- A page of schedules, each with its next planned and its last decided slot.
-- Index  schedule_pkey; slot_pkey (tenant, schedule, at) twice a schedule; pause_identity;
--        template_version_pkey; gathering_pkey.
-- Locks  none.
-- Gives  up to $3 rows after the name $2.
select s.name, s.revision, s.rule, s.zone_data, s.planned_until, s.enabled,
       p.until as "paused_until?", p.who as "paused_by?", p.why as "paused_why?",
       n.at as "next_at?", d.at as "last_at?", d.state as "last_state?", d.batch as "last_batch?",
       d.job as "last_job?", t.namespace || '.' || t.name || '@' || t.version as "template?", s.lost,
       (select count(*) from gathering g where g.tenant = s.tenant and g.schedule = s.name) as "gathering!"
from schedule s
left join template_version t on t.id = s.template_version
left join pause p on p.tenant = s.tenant and p.scope = 'configuration' and p.subject = s.name
    and (p.until is null or p.until > (select now() + clock_offset from cluster))
left join lateral (
    select x.at from slot x
    where x.tenant = s.tenant and x.schedule = s.name and x.state = 'planned'
      and x.at > (select now() + clock_offset from cluster) - interval '7 days'
    order by x.at limit 1) n on true
left join lateral (
    select coalesce(x.until, x.at) as at, x.state, x.batch, x.job from slot x
    where x.tenant = s.tenant and x.schedule = s.name and x.state <> 'planned'
      and (x.state <> 'skipped' or x.at <= (select now() + clock_offset from cluster))
    order by x.at desc limit 1) d on true
where s.tenant = $1 and s.name > $2
order by s.name
limit $3;
