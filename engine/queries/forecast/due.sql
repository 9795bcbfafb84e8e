-- Open batches that were not looked at for a minute.
-- Index  batch_open (state, id); forecast_pkey.
-- Locks  none: two who look at the same one at once note the same.
-- Gives  up to 100 rows after the batch $1.
select batch.id as "id!", batch.tenant as "tenant!", batch.configuration, batch.expected as "expected!",
       batch.release_window as "window!", forecast.deadline as "deadline?",
       coalesce(forecast.active_seconds, 0) as "active_seconds!", coalesce(forecast.settled, 0) as "settled!",
       forecast.seen_at as "seen_at?", coalesce(forecast.lift, 1) as "lift!"
from batch
left join forecast on forecast.batch = batch.id
where batch.state in ('releasing', 'running') and batch.finished_at is null and batch.id > $1
  and coalesce(forecast.seen_at, '-infinity') < now() - interval '1 minute'
order by batch.id
limit 100;
