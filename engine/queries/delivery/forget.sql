-- Forgets deliveries that ended so many seconds ago, with their logs.
-- Index  delivery_ended_at; delivery_try_pkey.
-- Locks  the rows, skip locked.
-- Gives  how many, up to 1,000.
delete from delivery
where id in (
    select id from delivery
    where ended_at < now() - make_interval(secs => $1)
    order by ended_at
    limit 1000
    for update skip locked);
