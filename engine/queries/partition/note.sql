-- Notes what a look at a range of ids found, or that it went.
-- Index  id_range_pkey.
-- Locks  the row.
insert into id_range (first_id, last_id, newest, why, dropped_at)
values ($1, $2, $3, $4, case when $5 then now() end)
on conflict (first_id) do update
    set newest = coalesce(excluded.newest, id_range.newest), why = excluded.why, looked_at = now(),
        dropped_at = coalesce(id_range.dropped_at, excluded.dropped_at);
