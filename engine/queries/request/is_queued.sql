-- Is a job still in a place where nobody has started it?
-- Index  ready_pkey, later_pkey; leases are few hundreds.
-- Locks  none.
select exists (
    select from (select * from ready where first_id <= $1 and first_id >= $1 / 1000 * 1000 order by first_id desc limit 1) near
    where last_id >= $1 and attempt = 0 and losses = 0 and not journaled
    union all
    select from (select * from later where first_id <= $1 and first_id >= $1 / 1000 * 1000 order by first_id desc limit 1) near
    where last_id >= $1 and attempt = 0 and losses = 0 and not journaled
) as "is_queued!";
