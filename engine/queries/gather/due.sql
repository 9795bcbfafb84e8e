-- Schedules that events start and that have not looked at all events, or wait for some in vain. One that is paused has
-- them later.
-- Index  schedule_pkey; pause_identity; gathering_due.
-- Locks  none.
-- Gives  up to 100 rows after the schedule $1, $2, each with the position of the newest event.
select s.tenant, s.name, s.event_pos as "event_pos!", s.event_types, event_head.pos as head, s.template_version as "version!",
       t.namespace || '.' || t.name || '@' || t.version as "label!"
from schedule s
join template_version t on t.id = s.template_version
cross join event_head
where s.enabled and s.event_pos is not null and (s.tenant, s.name) > ($1::int4, $2::text)
  and (s.event_pos < event_head.pos
       or exists (select from gathering g where g.tenant = s.tenant and g.schedule = s.name and g.expires_at <= $3))
  and not exists (
      select from pause
      where pause.tenant = s.tenant and pause.scope = 'configuration' and pause.subject = s.name
        and (pause.until is null or pause.until > $3))
order by s.tenant, s.name
limit 100;
