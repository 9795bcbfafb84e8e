-- Notes when a batch is to be done.
-- Index  forecast_pkey.
-- Locks  the new row.
insert into forecast (batch, deadline) values ($1, $2);
