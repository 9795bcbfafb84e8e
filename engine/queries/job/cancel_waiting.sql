-- Orders a resting job to end itself: whoever deletes its row n = 0 wins it.
-- Index  wait_pkey.
-- Locks  the row n = 0, waiting for it.
with own as materialized (
    select id from job where id = $2 and tenant = $1
),
hit as materialized (
    select wait.* from own join wait on wait.job = own.id and wait.n = 0 for update of wait
),
gone as (
    delete from wait using hit where wait.job = hit.job returning wait.n
),
ordered as (
    insert into inbox (job, kind, data) select job, 'order', $3 from hit
),
woken as (
    insert into ready (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
    select job, job, lane, eff, now(), priority, attempt, losses, true from hit
)
select exists (select from hit) as "hit!";
