-- How fast was the latest batch of a configuration that ended, in settlements a second?
-- Index  batch_configuration (tenant, configuration, id), backwards; forecast_pkey.
-- Locks  none.
-- Gives  one row or none.
select forecast.settled / forecast.active_seconds as "speed!"
from batch
join forecast on forecast.batch = batch.id
where batch.tenant = $1 and batch.configuration = $2 and batch.id < $3 and batch.finished_at is not null
  and forecast.active_seconds > 0
order by batch.id desc
limit 1;
