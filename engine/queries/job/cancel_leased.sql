-- Asks the worker that has a job to end it: the lease's stop set is what its heartbeat answers.
-- Index  none that helps: leases are few hundreds.
-- Locks  the lease.
with own as materialized (
    select id from job where id = $2 and tenant = $1
),
hit as materialized (
    select claim, n, journaled from lease, own where lease.jobs @> own.id for update of lease
),
told as (
    update lease set stop = lease.stop + int8multirange(int8range($2, $2, '[]'))
    from hit where lease.claim = hit.claim and lease.n = hit.n and lease.jobs @> $2::int8
    returning lease.claim
),
meant as (
    insert into intent (job, verb, who, why)
    select $2, 'cancel', $4, $5 from told
    on conflict do nothing
),
ordered as (
    insert into inbox (job, kind, data)
    select $2, 'order', $3 from told
    where not exists (select from inbox where job = $2 and kind = 'order')
)
select exists (select from told) as "hit!";
