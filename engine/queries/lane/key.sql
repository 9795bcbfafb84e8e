-- What is the natural key of this lane?
-- Index  lane_pkey.
-- Locks  none.
select tenant, queue, grp, purpose, template, capability, batch, limit_keys from lane where id = $1;
