-- Question: none; the first read of a repeatable-read transaction takes its snapshot, which stays until its end.
set idle_in_transaction_session_timeout = 0;
begin isolation level repeatable read;
select count(*) from pg_class;
