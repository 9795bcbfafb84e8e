-- Notes what is to be said of a batch, and how far it is; what is older than a quarter of an hour goes.
-- One that may not be done in time is noted, once.
-- Index  forecast_pkey; pace_pkey; batch_pkey; notice_of_batch.
-- Locks  the row of its forecast, and its paces; the new notice.
with gone as (
    delete from pace where batch = $1 and at < $2::timestamptz - interval '16 minutes'
),
kept as (
    insert into pace (batch, at, active_seconds, settled) values ($1, $2::timestamptz, $3, $4) on conflict do nothing
),
noted as (
    insert into notice (tenant, kind, batch, data)
    select batch.tenant, 'batch.at_risk', batch.id,
           json_build_object('light', $7::text, 'early', $5::timestamptz, 'late', $6::timestamptz, 'binding', $8::text)::text
    from batch
    where batch.id = $1 and $7::text in ('at_risk', 'late', 'missed') and batch.finished_at is null
    on conflict do nothing
)
insert into forecast (batch, seen_at, active_seconds, settled, early, late, light, binding, lift, desired_workers)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
on conflict (batch) do update
set seen_at = excluded.seen_at, active_seconds = excluded.active_seconds, settled = excluded.settled,
    early = excluded.early, late = excluded.late, light = excluded.light, binding = excluded.binding, lift = excluded.lift,
    desired_workers = excluded.desired_workers, over = false
where coalesce(forecast.seen_at, '-infinity') < excluded.seen_at;
