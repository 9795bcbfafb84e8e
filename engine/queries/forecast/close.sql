-- What is said of batches that have ended, also before the first look; their paces go, and their lanes have the share of
-- others again.
-- Index  forecast_open holds what is left to close; batch_pkey; pace_pkey; lane_batch.
-- Locks  the lanes, the paces and the rows.
-- Gives  how many.
with ended as materialized (
    select forecast.batch
    from forecast join batch on batch.id = forecast.batch
    where not forecast.over and batch.finished_at is not null
    limit 100
),
gone as (
    delete from pace using ended where pace.batch = ended.batch
),
lowered as (
    update lane set weight = 1 from ended where lane.batch = ended.batch and lane.batch <> 0 and lane.weight <> 1
)
update forecast
set light = case when batch.finished_at > forecast.deadline then 'missed' else 'finished' end,
    early = null, late = null, desired_workers = null, binding = '', lift = 1, over = true,
    settled = (select coalesce(sum(n), 0) from tally
               where tally.batch = batch.id and kind not like 'restarted_%' and kind <> 'chunk_members')::int8,
    active_seconds = forecast.active_seconds
        + greatest(0, extract(epoch from batch.finished_at - coalesce(forecast.seen_at, batch.started_at, batch.finished_at)))
from ended join batch on batch.id = ended.batch
where forecast.batch = ended.batch;
