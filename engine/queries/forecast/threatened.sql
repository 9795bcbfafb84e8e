-- Which open batches will not be done in time, or may not?
-- Index  forecast_light_now; batch_tenant (tenant, id).
-- Locks  none.
-- Gives  up to 50 rows, the oldest first.
select batch.id, batch.name, forecast.light, forecast.deadline as "deadline?", forecast.binding, forecast.seen_at as "seen_at?"
from forecast join batch on batch.id = forecast.batch
where forecast.light in ('at_risk', 'late', 'missed') and batch.tenant = $1 and batch.finished_at is null
order by batch.id
limit 50;
