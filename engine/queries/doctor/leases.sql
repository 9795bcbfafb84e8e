-- Which leases have no jobs, stop jobs that they have not, or outlive their worker by $1 seconds: one that
-- is dead, or one that is silent for that much longer than the lease time of $2 seconds?
-- Index  none that helps: leases are few, and workers fewer.
-- Locks  none; one snapshot.
-- Gives  a row a code: how many, and the first $3 of them.
with fact as (
    select lease.claim::text || '/' || lease.n as subject, lease.worker,
           case when isempty(lease.jobs) then 'lease_empty'
                when lease.claimed_at > now() - make_interval(secs => $1) then null
                when worker.id is null or worker.dead_at < now() - make_interval(secs => $1) then 'lease_of_dead_worker'
                when worker.dead_at is null
                     and greatest(worker.seen, pg_postmaster_start_time(), (select since from cluster))
                         < now() - make_interval(secs => $1 + $2) then 'lease_of_dead_worker'
           end as code
    from lease left join worker on worker.id = lease.worker
    union all
    select lease.claim::text || '/' || lease.n, lease.worker, 'stop_without_job'
    from lease
    where not lease.stop <@ lease.jobs
)
select code as "code!", count(*) as "found!", (array_agg(subject order by subject))[1:$3::int4] as "subjects!",
       (array_agg('worker ' || worker order by subject))[1:$3::int4] as "details!"
from fact
where code is not null
group by code;
