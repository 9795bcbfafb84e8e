-- Holds a paused job that rests: whoever deletes its row n = 0 wins it. Its machine looks at its
-- timers and its mail again when it goes on.
-- Index  pause_job, wait_pkey.
-- Locks  the pause; the row n = 0, waiting for it.
with own as materialized (
    select job as id, who, why, until from pause where tenant = $1 and job = $2 for key share
),
hit as materialized (
    select wait.job, wait.lane, wait.eff, wait.priority, wait.attempt, wait.losses, own.who, own.why, own.until
    from own join wait on wait.job = own.id and wait.n = 0
    for update of wait
),
gone as (
    delete from wait using hit where wait.job = hit.job
),
to_held as (
    insert into held (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled, reason, until, who, why)
    select job, job, lane, eff, now(), priority, attempt, losses, true, 'paused', until, who, why from hit
)
select exists (select from hit) as "hit!";
