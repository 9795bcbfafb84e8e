-- Which contexts are over?
-- Index  context_expiry.
-- Locks  none: whoever ends them meets those who change them first.
-- Gives  up to 500.
select tenant, key from context where expires_at <= now() order by expires_at limit 500;
