-- What is this session, and what is it set to?
-- Index  none.
-- Locks  none.
-- Gives  one row; the settings in the order of their names in $1.
select
    pg_backend_pid() as "backend!",
    current_database()::text as "database!",
    extract(epoch from pg_postmaster_start_time())::float8 as "server_since!",
    array(
        select current_setting(name)
        from unnest($1::text[]) with ordinality as asked (name, n)
        order by n
    ) as "settings!";
