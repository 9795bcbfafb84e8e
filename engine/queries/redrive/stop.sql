-- Ends a redrive: by a person, or because it is done or its fingerprint returned.
-- Index  redrive_pkey.
-- Locks  the row.
-- Gives  the row, or none when it has ended already.
update redrive
set state = $3, reason = $4, finished_at = now()
where id = $2 and tenant = $1 and state = 'running'
returning id;
