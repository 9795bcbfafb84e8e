-- The error that a job is parked with.
-- Index  held_parked_order.
-- Locks  none.
-- Gives  one row or none; empty without an error.
select coalesce(fingerprint, '') as "fingerprint!" from held where first_id = $1 and reason = 'parked';
