-- Changes when a batch is to be done.
-- Index  forecast_pkey.
-- Locks  the row.
insert into forecast (batch, deadline) values ($1, $2)
on conflict (batch) do update set deadline = excluded.deadline;
