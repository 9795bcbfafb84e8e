-- Writes the turn of a change in flight, and where the job stands from now on: held as before where a reason is
-- given, else due. Nothing if the journal has grown since the change was made for it.
-- Index  journal_pkey.
-- Locks  new rows only; the job was taken out of its holder in this transaction.
with fits as materialized (
    select from journal where job = $1 having coalesce(max(seq), 0) = $2 - 1
),
journaled as (
    insert into journal (job, seq, kind, at, data) select $1, $2, $3, $4, $5 from fits
),
headed as (
    insert into head (job, seq, fold, state) select $1, $2, $6, $7 from fits
),
to_ready as (
    insert into ready (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
    select $1, $1, $8, $9, now(), $10, $11, $12, true from fits where $13::text is null
),
to_held as (
    insert into held (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled, reason, until, who, why, code, fingerprint)
    select $1, $1, $8, $9, $19, $10, $11, $12, true, $13, $14, $15, $16, $17, $18 from fits where $13::text is not null
)
select exists (select from fits) as "hit!";
