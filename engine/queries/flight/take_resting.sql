-- Takes a job out of its rest, with all that would wake it: whoever deletes its row n = 0 wins it.
-- Index  wait_pkey.
-- Locks  the row n = 0, waiting for it.
with own as materialized (
    select id from job where id = $2 and tenant = $1
),
hit as materialized (
    select wait.* from own join wait on wait.job = own.id and wait.n = 0 for update of wait
),
gone as (
    delete from wait using hit where wait.job = hit.job
)
select lane, eff as "eff!", now() as "run_at!", priority as "priority!", attempt as "attempt!", losses as "losses!" from hit;
