-- Writes events that are to be published.
-- Index  none: rows are appended.
-- Locks  new rows only.
insert into event_new (tenant, kind, subject, uid, data)
select * from unnest($1::int4[], $2::text[], $3::text[], $4::text[], $5::text[]);
