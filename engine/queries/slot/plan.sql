-- Writes planned slots, and beside them what their calendar leaves out: skipped, with the reason. An instant that has
-- its slot keeps it, also where one row stands for many of them.
-- Index  slot_pkey (tenant, schedule, at); slot_until (tenant, schedule, until).
-- Locks  the new rows, after their schedule.
-- Gives  the instants that are new.
insert into slot (tenant, schedule, at, fire_at, covers, previous, note, reason, revision, zone_data, state, decided_at, start_by, finish_by)
select $1, $2, s.at, s.fire_at, s.covers, s.previous, s.note, s.reason, $9, $10,
       case when s.reason is null then 'planned' else 'skipped' end,
       case when s.reason is not null then now() end, s.start_by, s.finish_by
from unnest($3::timestamptz[], $4::timestamptz[], $5::text[], $6::timestamptz[], $7::text[], $8::text[],
            $11::timestamptz[], $12::timestamptz[])
    as s(at, fire_at, covers, previous, note, reason, start_by, finish_by)
where not exists (
    select from slot run
    where run.tenant = $1 and run.schedule = $2 and run.until >= s.at and run.at <= s.at)
on conflict (tenant, schedule, at) do nothing
returning at;
