-- Ends jobs that were to be cancelled when their worker died: at once, or through their machine if
-- they have a journal.
-- Index  held_lane would want a lane; jobs held for this are few and short-lived.
-- Locks  the extents, skip locked.
with due as materialized (
    select ctid as place, held.first_id as id, held.lane, held.eff, held.priority, held.attempt, held.losses, held.journaled
    from held
    where held.reason = 'cancelling'
    order by held.first_id
    limit 500
    for update skip locked
),
gone as (
    delete from held where ctid = any (array(select place from due))
),
woken as (
    insert into ready (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
    select id, id, lane, eff, now(), priority, attempt, losses, true from due where journaled
),
ended as (
    insert into outcome (first_id, last_id, tenant, lane, batch, kind, code, attempt)
    select due.id, due.id, lane.tenant, due.lane, nullif(lane.batch, 0), 'cancelled', 'cancelled', due.attempt
    from due join lane on lane.id = due.lane where not due.journaled
),
told as (
    insert into tally (batch, kind, n)
    select lane.batch, 'cancelled', count(*)
    from due join lane on lane.id = due.lane where not due.journaled and lane.batch <> 0
    group by lane.batch
),
fulfilled as (
    delete from intent where verb = 'cancel' and job in (select id from due)
)
select count(*) as "jobs!" from due;
