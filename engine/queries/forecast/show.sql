-- What is said of a batch?
-- Index  batch_tenant (tenant, id); forecast_pkey.
-- Locks  none.
-- Gives  one row or none.
select forecast.deadline, forecast.seen_at, forecast.early, forecast.late, forecast.light, forecast.binding, forecast.lift, forecast.desired_workers
from batch join forecast on forecast.batch = batch.id
where batch.tenant = $1 and batch.id = $2;
