-- Makes a job that begins with the copied state of another one, due at once.
-- Index  none: it inserts.
-- Locks  new rows only.
with made as (
    insert into job (id, tenant, lane, template_version, nonce, input, created_at, timeout, retry_revision)
    values ($1, $2, $3, $4, $5, $6, $7, $13, $14)
),
journaled as (
    insert into journal (job, seq, kind, at, data) values ($1, 1, $8, $9, $10)
),
headed as (
    insert into head (job, seq, fold, state) values ($1, 1, $11, $12)
)
insert into ready (first_id, last_id, lane, eff, run_at, journaled) values ($1, $1, $3, now(), now(), true);
