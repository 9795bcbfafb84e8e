-- Deletes leases without jobs, and lets the others stop only jobs that they have. Decided from the locked row.
-- Index  lease_pkey: leases are few.
-- Locks  the leases in (claim, n) order, skip locked: a flush under way is valid and goes first.
-- Gives  how many.
with hit as materialized (
    select claim, n, jobs, stop
    from lease
    where isempty(jobs) or not stop <@ jobs
    order by claim, n
    for update skip locked
),
emptied as (
    delete from lease using hit where lease.claim = hit.claim and lease.n = hit.n and isempty(hit.jobs)
),
trimmed as (
    update lease set stop = hit.stop * hit.jobs
    from hit
    where lease.claim = hit.claim and lease.n = hit.n and not isempty(hit.jobs)
)
select count(*) as "rows!" from hit;
