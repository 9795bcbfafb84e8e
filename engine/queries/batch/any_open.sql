-- Is a batch of this configuration open? Paused, extra and backfilled ones count.
-- Index  batch_configuration (tenant, configuration, id).
-- Locks  none.
select exists (
    select from batch where tenant = $1 and configuration = $2 and finished_at is null
) as "any_open!";
