-- Keeps which callbacks of a new batch look at how its jobs end.
-- Index  callback_watch_pkey.
-- Locks  the new rows.
insert into callback_watch (batch, n, kind, failed, share)
select $1, watch.n, watch.kind, watch.failed, watch.share
from unnest($2::int4[], $3::text[], $4::int8[], $5::int8[]) as watch (n, kind, failed, share);
