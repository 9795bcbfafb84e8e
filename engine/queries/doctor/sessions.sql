-- Who keeps Postgres from cleaning up for $1 seconds: a transaction left open, or a prepared one?
-- Index  none; the server's own views.
-- Locks  none.
-- Gives  a row a code: how many, and the first $2 of them.
with wrong as (
    select 'pid ' || pid as subject, 'old_snapshot' as code,
           coalesce(nullif(application_name, ''), 'somebody') || ', ' || state || ', since ' || xact_start as detail
    from pg_stat_activity
    where datname = current_database() and backend_xmin is not null and backend_type = 'client backend'
      and xact_start < now() - make_interval(secs => $1)
    union all
    select gid, 'old_prepared', 'by ' || owner || ', since ' || prepared
    from pg_prepared_xacts
    where database = current_database() and prepared < now() - make_interval(secs => $1)
)
select code as "code!", count(*) as "found!", (array_agg(subject order by subject))[1:$2::int4] as "subjects!",
       (array_agg(detail order by subject))[1:$2::int4] as "details!"
from wrong
group by code;
