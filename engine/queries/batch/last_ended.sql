-- The latest batch of a configuration that came to its end before batch $3, and how fast it was: settlements a second while
-- it was looked at, else from its first job to its last.
-- Index  batch_configuration (tenant, configuration, id), read backwards; forecast_pkey.
-- Locks  none.
-- Gives  one row or none.
select batch.id as "id!", batch.members as "members!", batch.jobs as "jobs!", batch.left_out as "left_out!",
       batch.selection_hash,
       coalesce(forecast.settled / nullif(forecast.active_seconds, 0),
                batch.expected / nullif(extract(epoch from batch.finished_at - batch.started_at)::float8, 0)) as "speed?"
from batch
left join forecast on forecast.batch = batch.id
where batch.tenant = $1 and batch.configuration = $2 and batch.id < $3
  and batch.state in ('completed', 'completed_with_errors')
order by batch.id desc
limit 1;
