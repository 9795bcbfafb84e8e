-- Notes what is to be said of a batch, and how far it is; what is older than a quarter of an hour goes.
-- Index  forecast_pkey; pace_pkey.
-- Locks  the row of its forecast, and its paces.
with gone as (
    delete from pace where batch = $1 and at < $2::timestamptz - interval '16 minutes'
),
kept as (
    insert into pace (batch, at, active_seconds, settled) values ($1, $2::timestamptz, $3, $4) on conflict do nothing
)
insert into forecast (batch, seen_at, active_seconds, settled, early, late, light, binding, lift)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict (batch) do update
set seen_at = excluded.seen_at, active_seconds = excluded.active_seconds, settled = excluded.settled,
    early = excluded.early, late = excluded.late, light = excluded.light, binding = excluded.binding, lift = excluded.lift
where coalesce(forecast.seen_at, '-infinity') < excluded.seen_at;
