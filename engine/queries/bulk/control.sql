-- Pauses a change, or lets it go on.
-- Index  bulk_pkey.
-- Locks  the row.
-- Gives  the row, or none when it has ended.
update bulk set state = $3, passed_at = now(), busy_until = null
where id = $2 and tenant = $1 and state in ('running', 'paused')
returning id;
