-- Writes the schedule of an applied job configuration.
-- Index  schedule_pkey.
-- Locks  the schedule's row. A pause is kept.
-- Gives  one affected row.
insert into schedule (tenant, name, revision, rule, zone_data, planned_until, enabled)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (tenant, name) do update
set revision = excluded.revision, rule = excluded.rule, zone_data = excluded.zone_data,
    planned_until = excluded.planned_until, enabled = excluded.enabled;
