-- Begins the next generation of a batch: a redrive that goes through its release. None when one is under way. It is
-- releasing from now on, also one that runs: else its last open job would end it before the first pass.
-- Index  batch_pkey; redrive_restart; job_tenant, backwards.
-- Locks  the batch, held already; the new row.
-- Gives  the new row's id, or none.
with next as (
    update batch
    set generation = generation + 1,
        state = case when state = 'paused' then state else 'releasing' end,
        finished_at = null
    where id = $2 and not exists (
        select from redrive where redrive.batch = $2 and redrive.generation is not null and redrive.state = 'running')
    returning generation
)
insert into redrive (tenant, batch, fingerprint, members, template_version, generation, rate, failed_too, upto_id, who, why)
select $1, $2, $3, $4, $5, next.generation, 1000, true,
       coalesce((select max(job.id) from job where job.tenant = $1), 0), $6, $7
from next
returning id;
