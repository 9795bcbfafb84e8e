-- Drops deliveries of a webhook that is about to be deleted, before it: who records a try locks in that order.
-- Index  delivery_list (tenant, webhook, id); delivery_try_pkey.
-- Locks  the rows.
-- Gives  as many affected rows as went, up to $3.
delete from delivery
where id in (
    select id from delivery
    where tenant = $1 and webhook = $2
    order by id
    limit $3
    for update);
