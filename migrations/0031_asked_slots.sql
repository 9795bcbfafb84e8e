-- Slots that somebody asks for: caught up at a pace, let go after a pause, or backfilled one after another. Until now
-- catch-up forgot between two passes that it had let a slot through, so its pace was not kept and a newer slot took the
-- place of one that it had asked for.

-- `not_before` is when a slot may start that catch-up let through; it stays when the slot has started. `asked_by` is who
-- asked for a slot of the past to be backfilled, and `was` what the ledger said of it before, `state: reason`, so that a
-- backfill can be taken back; null where the slot had no row.
alter table slot
    add column not_before timestamptz,
    add column asked_by text,
    add column was text;
