-- Writes the schedule of an applied job configuration, or of a published template.
-- Index  schedule_pkey.
-- Locks  the schedule's row. A pause is kept.
-- Gives  one affected row.
insert into schedule (tenant, name, revision, rule, zone_data, planned_until, enabled,
                      template_version, after_seconds, event_pos, event_types, calendar)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
on conflict (tenant, name) do update
set revision = excluded.revision, rule = excluded.rule, zone_data = excluded.zone_data,
    planned_until = excluded.planned_until, enabled = excluded.enabled,
    template_version = excluded.template_version, after_seconds = excluded.after_seconds,
    event_pos = excluded.event_pos, event_types = excluded.event_types, calendar = excluded.calendar;
