-- Keeps events that are not enough yet.
-- Index  gathering_pkey.
-- Locks  the rows, after their schedule.
insert into gathering (tenant, schedule, first_pos, taken, expires_at)
select $1, $2, kept.first_pos, kept.taken, $5
from unnest($3::int8[], $4::text[]) kept (first_pos, taken)
on conflict (tenant, schedule, first_pos) do update set taken = excluded.taken;
