-- Keeps what was added under its caller's key.
-- Index  none read; a second one of that key is refused.
-- Locks  the new row, after the batch.
insert into addition (batch, idempotency_key, hash, members, jobs, chunks, left_out, plan_hash, created_by)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9);
