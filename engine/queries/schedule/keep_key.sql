-- Keeps what was started of a schedule under a key, and forgets keys that are a week old.
-- Index  schedule_key_pkey.
-- Locks  the schedule's old keys and the new row, after the schedule.
with old as (
    delete from schedule_key where tenant = $1 and schedule = $2 and created_at < now() - interval '7 days'
)
insert into schedule_key (tenant, schedule, idempotency_key, slot, batch, job) values ($1, $2, $3, $4, $5, $6);
