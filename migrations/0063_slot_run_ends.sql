-- no-transaction
-- What reaches into a time: rows for many slots by their last one.
create index concurrently slot_until on slot (tenant, schedule, until) where until is not null;
