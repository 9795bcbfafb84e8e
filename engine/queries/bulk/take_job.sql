-- Takes a job out of its page: it is changed. Who does not find it there changes nothing.
-- Index  bulk_page_pkey, bulk_pkey.
-- Locks  the page; last of all that a change locks.
-- Gives  no row; one touched, or none when somebody else changed it, or the change was paused or cancelled.
update bulk_page
set todo = todo - int8multirange(int8range($3, $3, '[]')), remaining = remaining - 1, after_id = $3
where bulk = $1 and n = $2 and todo @> $3::int8
  and exists (select from bulk where bulk.id = $1 and bulk.state = 'running');
