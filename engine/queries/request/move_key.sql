-- Gives a locked idempotency key to another job.
-- Index  request_key_pkey.
-- Locks  the key, which the caller has locked.
update request_key
set hash = $4, job = $5, hold = $6,
    expires_at = case when $6 = 'ttl' then now() + make_interval(secs => $7) else 'infinity' end
where tenant = $1 and scope = $2 and key = $3;
