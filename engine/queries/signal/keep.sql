-- Keeps a signal until somebody takes it; nothing when this id was sent before.
-- Index  signal_pkey.
-- Locks  new rows only.
-- Gives  how many are new.
insert into signal (tenant, key, id, name, data, expires_at)
values ($1, $2, $3, $4, $5, now() + make_interval(secs => $6))
on conflict (tenant, key, id) do nothing;
