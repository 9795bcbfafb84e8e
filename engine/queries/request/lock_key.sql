-- Takes one idempotency key, or locks it where another job bears it: the caller is about to replace or
-- put off that job. `job` is the caller's own id when the key was free.
-- Index  request_key_pkey; outcome_pkey.
-- Locks  the key, waiting no longer than $8. The lock time-out holds for the whole transaction.
insert into request_key as k (tenant, scope, key, hash, job, hold, expires_at)
select $1, $2, $3, $4, $5, $6, case when $6 = 'ttl' then now() + make_interval(secs => $7) else 'infinity' end
from set_config('lock_timeout', $8, true)
on conflict (tenant, scope, key) do update
    set (hash, job, hold, expires_at) = (
        select excluded.hash, excluded.job, excluded.hold, excluded.expires_at
        where k.expires_at <= now()
           or k.hold = 'active' and exists (
               select from (select outcome.last_id from outcome
                            where outcome.first_id <= k.job and outcome.first_id >= k.job / 1000 * 1000
                            order by outcome.first_id desc limit 1) near
               where near.last_id >= k.job)
        union all
        select k.hash, k.job, k.hold, k.expires_at
        limit 1)
returning job;
