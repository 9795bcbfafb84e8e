-- Gives events their position, by which everybody finds them. An event whose id was published before is dropped.
-- Its caller is the publisher (`event/head.sql`), and has met those who are about to rest for these types;
-- `event/wake.sql` wakes those who do.
-- Index  event_new_pkey, event_uid, event_head_pkey.
-- Locks  the events; nobody else wants them.
-- Gives  how many events.
with page as materialized (
    delete from event_new where id = any ($1::int8[]) returning *
),
fresh as materialized (
    select page.*, (select pos from event_head) + row_number() over (order by id) as pos
    from page
    where uid is null
       or not exists (select from event where event.tenant = page.tenant and event.uid = page.uid)
          and not exists (select from page earlier where earlier.tenant = page.tenant and earlier.uid = page.uid and earlier.id < page.id)
),
published as (
    insert into event (pos, tenant, kind, subject, uid, data, at)
    select pos, tenant, kind, subject, uid, data, at from fresh
),
come as (
    update event_head set pos = event_head.pos + (select count(*) from fresh) where only_row
)
select count(*) as "events!" from page;
