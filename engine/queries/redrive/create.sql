-- Notes that stopped work should run again. Only what is stopped now: a job that stops again is not in it.
-- Index  job_tenant, backwards.
-- Locks  the new row.
insert into redrive (tenant, fingerprint, batch, jobs, rate, canary, failed_too, upto_id, who, why)
values ($1, $2, $3, $4, $5, $6, $7, coalesce((select max(job.id) from job where job.tenant = $1), 0), $8, $9)
returning id;
