-- What is said of batches that have ended; their paces go.
-- Index  forecast_light_now and pace_pkey for what is left to close; batch_pkey.
-- Locks  the rows.
-- Gives  how many.
with ended as materialized (
    select distinct pace.batch
    from pace join batch on batch.id = pace.batch
    where batch.finished_at is not null
    limit 100
),
gone as (
    delete from pace using ended where pace.batch = ended.batch
)
update forecast
set light = case when batch.finished_at > forecast.deadline then 'missed' else 'finished' end,
    early = null, late = null, binding = '',
    settled = (select coalesce(sum(n), 0) from tally
               where tally.batch = batch.id and kind not like 'restarted_%' and kind <> 'chunk_members')::int8,
    active_seconds = forecast.active_seconds
        + greatest(0, extract(epoch from batch.finished_at - coalesce(forecast.seen_at, batch.started_at)))
from ended join batch on batch.id = ended.batch
where forecast.batch = ended.batch;
