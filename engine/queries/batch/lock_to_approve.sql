-- Locks a batch whose plan somebody approves.
-- Index  batch_pkey; template_version_pkey; configuration_pkey.
-- Locks  the batch.
-- Gives  one row or none; who made it is of a slot who applied its configuration.
select batch.state, batch.jobs, batch.asking, batch.approved_at is not null as "was_approved!", batch.document,
       coalesce(batch.plan_hash, '') as "plan_hash!",
       coalesce(batch.ask_until < now() + cluster.clock_offset, false) as "is_late!",
       template.retired_at is not null as "is_retired!",
       coalesce((select applied_by from configuration
                 where batch.schedule is not null and configuration.tenant = batch.tenant
                   and configuration.kind = 'job_configuration' and configuration.name = batch.configuration
                   and configuration.revision = batch.revision), batch.created_by) as "creator!",
       exists (select from configuration
               where configuration.tenant = batch.tenant and configuration.kind = 'job_configuration'
                 and configuration.name = batch.configuration
                 and configuration.revision > batch.revision) as "is_changed!"
from batch
cross join cluster
join template_version template on template.id = batch.template_version
where batch.tenant = $1 and batch.id = $2
for update of batch;
