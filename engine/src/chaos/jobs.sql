-- Where does each job of this round stand, what was it given, and how did it end?
-- Index  job_pkey; the holders' keys within an extent's reach of 1,000 ids.
-- Locks  none; one snapshot.
-- Gives  a row a job that no earlier round has judged.
select job.id, request.idempotency_key as key, job.batch, job.input,
       version.name as template,
       (select count(*) from outcome o where o.first_id between job.id - 1000 and job.id and o.last_id >= job.id) as outcomes,
       (select min(o.kind) from outcome o where o.first_id between job.id - 1000 and job.id and o.last_id >= job.id) as kind,
       (select min(o.claim::text)::uuid from outcome o where o.first_id between job.id - 1000 and job.id and o.last_id >= job.id) as claim,
       (select min(coalesce(o.code, '') || ' ' || coalesce(o.result, '')) from outcome o
        where o.kind = 'failed' and o.first_id between job.id - 1000 and job.id and o.last_id >= job.id) as fault,
       (select count(*) from ready h where h.first_id between job.id - 1000 and job.id and h.last_id >= job.id)
       + (select count(*) from later h where h.first_id between job.id - 1000 and job.id and h.last_id >= job.id)
       + (select count(*) from held h where h.first_id between job.id - 1000 and job.id and h.last_id >= job.id)
       + (select count(*) from lease where lease.jobs @> job.id)
       + (select count(*) from wait where wait.job = job.id and wait.n = 0) as holders,
       (select min(h.reason || ': ' || h.why) from held h
        where h.first_id between job.id - 1000 and job.id and h.last_id >= job.id) as held
from job
join template_version version on version.id = job.template_version
left join request on request.job = job.id
where not exists (select from chaos.judged where judged.job = job.id)
order by job.id;
