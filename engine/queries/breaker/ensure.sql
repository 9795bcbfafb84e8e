-- Makes the row of a breaker that never opened; whoever wants it locks it in the next statement.
-- Index  breaker_pkey.
-- Locks  the new row.
insert into breaker (tenant, template) values ($1, $2) on conflict do nothing;
