-- Takes the change whose pass was longest ago, for twenty seconds, and what its rate allows meanwhile.
-- Index  bulk_running; few run at a time.
-- Locks  the row, skip locked.
-- Gives  one row or none; after a pause of the keepers the rate is not caught up for more than five seconds.
with due as materialized (
    select id, least(5.0, extract(epoch from now() - passed_at))::float8 as seconds
    from bulk
    where state = 'running' and passed_at <= now() - make_interval(secs => greatest(0.5, 1.0 / rate))
      and (busy_until is null or busy_until <= now())
    order by passed_at, id
    limit 1
    for no key update skip locked
)
update bulk
set passed_at = now() - make_interval(secs => due.seconds - floor(due.seconds * rate) / rate),
    busy_until = now() + interval '20 seconds'
from due
where bulk.id = due.id
returning bulk.id, tenant, change, filter, who, why, floor(due.seconds * rate)::int8 as "room!";
