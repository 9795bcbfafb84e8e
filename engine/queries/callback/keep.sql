-- Keeps the callbacks that came with a notice, and what each gives.
-- Index  callback_pkey.
-- Locks  the new rows; their notice is held.
insert into callback (notice, n, tenant, batch, kind, webhook, purpose, input, problem)
select $1, one.n, $2, $3, $4, one.webhook, one.purpose, one.input, one.problem
from unnest($5::int4[], $6::text[], $7::text[], $8::text[], $9::text[]) as one (n, webhook, purpose, input, problem);
