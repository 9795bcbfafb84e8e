-- Which of the checks $1 did nobody begin within the last $2 seconds, or not come to the end of?
-- Index  doctor_check_pkey.
-- Locks  none: `begin` decides between two keepers.
select asked.name as "name!"
from unnest($1::text[], $2::float8[]) as asked (name, seconds)
left join doctor_check mine on mine.name = asked.name
where mine.name is null or mine.cursor_id > 0 or mine.begun_at <= now() - make_interval(secs => asked.seconds);
