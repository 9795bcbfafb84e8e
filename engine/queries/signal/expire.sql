-- Deletes signals whose time is over, read or not.
-- Index  signal_expiry, signal_pkey.
-- Locks  the signals, skip locked.
with due as materialized (
    select tenant, key, id
    from signal
    where expires_at <= now()
    order by expires_at
    limit 1000
    for update skip locked
)
delete from signal using due
where signal.tenant = due.tenant and signal.key = due.key and signal.id = due.id;
