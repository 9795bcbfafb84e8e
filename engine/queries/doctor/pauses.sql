-- Which jobs are held for a pause that nobody made, so that nobody ends it?
-- Index  held_lane (lane, reason, first_id), lane by lane; pause_job.
-- Locks  none; one snapshot: who holds a job for a pause, and who ends the pause, lock its row first.
-- Gives  one row or none: how many of the first 10,000, and the first $1 of them.
with wrong as (
    select held.first_id as id, held.who
    from lane join held on held.lane = lane.id and held.reason = 'paused'
    where not exists (select from pause where pause.job is not null and pause.job = held.first_id)
    limit 10000
)
select 'paused_without_pause' as "code!", count(*) as "found!",
       (array_agg('j_' || id order by id))[1:$1::int4] as "subjects!",
       (array_agg('held by ' || who order by id))[1:$1::int4] as "details!"
from wrong
having count(*) > 0;
