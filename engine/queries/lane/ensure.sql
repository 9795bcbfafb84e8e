-- Makes sure that a lane exists; says nothing about one that already did (read it in the next statement).
-- Index  the natural key.
-- Locks  the new row only.
insert into lane (tenant, queue, grp, purpose, template, capability, batch)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict do nothing;
