-- no-transaction
-- Who tells something finds who rests for it, the one that rests longest first.
create index concurrently wait_message on wait (tenant, kind, name, key, since) where n > 0;
