-- Which server processes work for us, the busy ones first?
-- Index  none: a view of the server.
-- Locks  none.
-- Gives  a process number a session.
select pid
from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and application_name not like 'chaos%'
order by state = 'active' desc, backend_xid is not null desc, md5(pid::text || $1);
