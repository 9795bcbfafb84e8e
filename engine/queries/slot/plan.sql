-- Writes planned slots; an instant that has its slot keeps it.
-- Index  slot_pkey (tenant, schedule, at).
-- Locks  the new rows, after their schedule.
-- Gives  the instants that are new.
insert into slot (tenant, schedule, at, fire_at, covers, previous, revision, zone_data, state)
select $1, $2, s.at, s.fire_at, s.covers, s.previous, $7, $8, 'planned'
from unnest($3::timestamptz[], $4::timestamptz[], $5::text[], $6::timestamptz[]) as s(at, fire_at, covers, previous)
on conflict (tenant, schedule, at) do nothing
returning at;
