-- Ends a resting job at once, without its machine: whoever deletes its row n = 0 wins it.
-- Index  wait_pkey.
-- Locks  the row n = 0, waiting for it.
with own as materialized (
    select id, tenant, lane, batch from job where id = $2 and tenant = $1
),
hit as materialized (
    select wait.attempt from own join wait on wait.job = own.id and wait.n = 0 for update of wait
),
gone as (
    delete from wait where job = $2 and exists (select from hit)
),
ended as (
    insert into outcome (first_id, last_id, tenant, lane, batch, kind, code, attempt, result)
    select own.id, own.id, own.tenant, own.lane, own.batch, 'cancelled', 'killed', coalesce(hit.attempt, 0), $3
    from hit cross join own
),
told as (
    insert into tally (batch, kind, n)
    select own.batch, 'cancelled', 1 from hit cross join own where own.batch is not null
),
released as (
    delete from request_key where job = $2 and hold = 'active' and exists (select from hit)
),
unread as (
    delete from inbox where job = $2 and kind = 'order' and exists (select from hit)
),
fulfilled as (
    delete from intent where job = $2 and verb = 'cancel' and exists (select from hit)
)
select exists (select from hit) as "hit!";
