-- Forgets notices that were told so many seconds ago; those of batches stay with them.
-- Index  notice_told (told_at).
-- Locks  the rows, skip locked.
-- Gives  how many, up to 1,000.
delete from notice
where id in (
    select id from notice
    where batch is null and told_at < now() - make_interval(secs => $1)
    order by told_at
    limit 1000
    for update skip locked);
