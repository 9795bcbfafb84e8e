-- Notes what opened a breaker, as counted then; nothing when a person opened it.
-- Index  breaker_pkey.
-- Locks  the row, held already.
update breaker
set fingerprint = $3, code = $4, failures = $5, ended = $6, sample = $7, opened_at = now()
where tenant = $1 and template = $2;
