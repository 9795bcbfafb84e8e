-- What was started of a schedule under this key?
-- Index  schedule_key_pkey.
-- Locks  none: the schedule is locked.
-- Gives  one row or none.
select slot, batch, job from schedule_key where tenant = $1 and schedule = $2 and idempotency_key = $3;
