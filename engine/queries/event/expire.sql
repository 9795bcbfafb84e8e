-- Deletes the oldest events that are older than $1 seconds.
-- Index  event_pkey.
-- Locks  the rows.
with old as materialized (
    select pos from (select pos, at from event order by pos limit 1000) first
    where at < now() - make_interval(secs => $1)
)
delete from event using old where event.pos = old.pos;
