-- What is known of ranges of ids that were full.
-- Index  id_range_pkey; ranges are few.
-- Locks  none.
select first_id, last_id, newest, looked_at, why, dropped_at, is_swept from id_range order by first_id;
